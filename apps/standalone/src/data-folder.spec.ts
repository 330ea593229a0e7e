import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFolder } from './data-folder';

describe('the data folder', () => {
  let above: string;
  let path: string;
  beforeEach(async () => {
    above = await mkdtemp(join(tmpdir(), 'entrepot-data-'));
    path = join(above, 'a', 'data');
  });
  afterEach(() => rm(above, { recursive: true, force: true }));

  it('is made with its folders, and is the same when it is opened again', async () => {
    const first = await openDataFolder(path);
    expect(first).toMatchObject({ path, created: true, blobs: join(path, 'blobs') });
    expect(first.secrets.capability).toHaveLength(32);
    expect((await readdir(path)).sort()).toEqual([
      'bin',
      'blobs',
      'format',
      'lock',
      'nats',
      'postgres',
      'secrets.json',
    ]);
    first.release();
    const second = await openDataFolder(path);
    expect(second.created).toBe(false);
    expect(second.secrets).toEqual(first.secrets);
    second.release();
  });

  it('lets nobody else read what is in it', async () => {
    const folder = await openDataFolder(path);
    folder.release();
    expect((await stat(join(path, 'secrets.json'))).mode & 0o777).toBe(0o600);
    for (const name of ['postgres', 'nats', 'blobs', 'bin']) {
      expect((await stat(join(path, name))).mode & 0o777).toBe(0o700);
    }
  });

  it('is open for one at a time', async () => {
    const folder = await openDataFolder(path);
    await expect(openDataFolder(path)).rejects.toThrow(
      `The data folder ${path} is in use by another Entrepot (process ${process.pid}). Stop that one, or set ENTREPOT_DATA to another folder.`,
    );
    folder.release();
  });

  it('is refused untouched when a later version wrote it', async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'format'), '2\n');
    await expect(openDataFolder(path)).rejects.toThrow(
      /was written by a later Entrepot \(format 2, this one knows 1\)/,
    );
    expect(await readdir(path)).toEqual(['format']);
  });

  it('is refused untouched when other things are in it', async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'thesis.txt'), 'mine');
    await expect(openDataFolder(path)).rejects.toThrow(/holds other things \(thesis\.txt\)/);
    expect(await readdir(path)).toEqual(['thesis.txt']);
  });

  it('is made on what a start left that was killed at once', async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'lock'), '');
    await writeFile(join(path, 'format.draft'), '');
    const folder = await openDataFolder(path);
    expect(await readFile(join(path, 'format'), 'utf8')).toBe('1\n');
    folder.release();
  });

  it('must not be a file, nor lie below one', async () => {
    await writeFile(join(above, 'a'), '');
    for (const file of [join(above, 'a'), path]) {
      await expect(openDataFolder(file)).rejects.toThrow(
        `ENTREPOT_DATA: ${file} is a file or lies below one, and must be a folder.`,
      );
    }
  });

  it('says so when its secrets are damaged, and gives the lock back', async () => {
    (await openDataFolder(path)).release();
    await writeFile(join(path, 'secrets.json'), '{"capability":"short"}');
    await expect(openDataFolder(path)).rejects.toThrow(/secrets\.json is not what was written there\. Remove it/);
    await rm(join(path, 'secrets.json'));
    (await openDataFolder(path)).release();
  });

  it('must be where folders can be made', async () => {
    await expect(openDataFolder('/proc/entrepot')).rejects.toThrow(
      /^ENTREPOT_DATA: \/proc\/entrepot .* name another folder\.$/i,
    );
  });

  it('that is a link to nothing is told of, by the link', async () => {
    await symlink(join(above, 'gone'), join(above, 'link'));
    await expect(openDataFolder(join(above, 'link'))).rejects.toThrow(/link is a link to .*gone, which is not there/);
  });
});
