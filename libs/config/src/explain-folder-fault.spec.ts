import fs from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explainFolderFault } from './explain-folder-fault';

const explain = (folder: string, code: string, path?: string) =>
  (explainFolderFault('ENTREPOT_DATA', folder, Object.assign(new Error('no'), { code, path })) as Error).message;

describe('what a person can do about a folder', () => {
  let above: string;
  beforeEach(async () => {
    above = await mkdtemp(join(tmpdir(), 'entrepot-explain-'));
  });
  afterEach(() => rm(above, { recursive: true, force: true }));

  it.each([
    ['ENOSPC', 'ENTREPOT_DATA: the disk of /d is full. Free some space, and start again.'],
    ['EDQUOT', 'ENTREPOT_DATA: the disk of /d is full. Free some space, and start again.'],
    ['EACCES', 'ENTREPOT_DATA: this user may not write to /d. Give it the right to, or name another folder.'],
    ['EROFS', 'ENTREPOT_DATA: /d lies on a read-only file system. Mount it writable, or name another folder.'],
    ['ENOTDIR', 'ENTREPOT_DATA: /d is a file or lies below one, and must be a folder.'],
  ])('after %s', (code, text) => {
    expect(explain('/d', code)).toBe(text);
  });

  it('names the piece that failed, not the folder that it lies in', async () => {
    await mkdir(join(above, 'bin'));
    expect(explain(above, 'EACCES', join(above, 'bin', '.install-1'))).toMatch(
      `may not write to ${join(above, 'bin')}.`,
    );
    expect(explain(above, 'EROFS', join(above, 'nats'))).toMatch(`${join(above, 'nats')} lies on a read-only`);
  });

  it('says whose a piece is that belongs to somebody else, and how it is given back', async () => {
    const path = join(above, 'children.json');
    await writeFile(path, '[]');
    const user = process.getuid?.() ?? 0;
    const look = jest.spyOn(fs, 'statSync').mockReturnValue({ uid: user + 1 } as fs.Stats);
    expect(explain(above, 'EACCES', path)).toBe(
      `ENTREPOT_DATA: this user (${user}) may not use ${path}, which belongs to user ${user + 1}. Give it back: chown -R ${user} ${above}`,
    );
    look.mockRestore();
  });

  it('names a link that leads nowhere, wherever on the way it is', async () => {
    await symlink('/mnt/gone', join(above, 'link'));
    for (const path of [join(above, 'link'), join(above, 'link', 'data')]) {
      expect(explain(path, 'ENOENT', path)).toMatch(
        `${join(above, 'link')} is a link to /mnt/gone, which is not there.`,
      );
    }
  });

  it('says where nothing can be made', () => {
    expect(explain(join(above, 'x', 'y'), 'ENOENT')).toMatch(`nothing can be made in ${above}. Name another folder.`);
  });

  it('leaves what it does not know as it is', () => {
    const error = new Error('odd');
    expect(explainFolderFault('ENTREPOT_DATA', '/d', error)).toBe(error);
    expect(explainFolderFault('ENTREPOT_DATA', '/d', undefined)).toBeUndefined();
  });
});
