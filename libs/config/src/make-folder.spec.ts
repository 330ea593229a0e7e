import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './make-folder';

describe('a folder', () => {
  let above: string;
  beforeEach(async () => {
    above = await mkdtemp(join(tmpdir(), 'entrepot-make-'));
  });
  afterEach(() => rm(above, { recursive: true, force: true }));

  it('is made with all above it, and made again is the same', async () => {
    const path = join(above, 'a', 'b', 'c');
    await makeFolder(path, 0o711);
    await makeFolder(path, 0o711);
    expect((await stat(path)).isDirectory()).toBe(true);
    expect((await stat(join(above, 'a'))).mode & 0o777).toBe(0o711);
  });

  it('may be a link to one', async () => {
    await mkdir(join(above, 'real'));
    await symlink(join(above, 'real'), join(above, 'link'));
    await makeFolder(join(above, 'link', 'inner'));
    expect((await stat(join(above, 'real', 'inner'))).isDirectory()).toBe(true);
  });

  it.each([
    ['a file', 'file', 'EEXIST'],
    ['what lies below a file', 'file/inner', 'ENOTDIR'],
    ['a link to nothing', 'nowhere', 'ENOENT'],
    ['what lies below a link to nothing', 'nowhere/inner', 'ENOENT'],
  ])('is not made of %s', async (_what, name, code) => {
    await writeFile(join(above, 'file'), '');
    await symlink(join(above, 'gone'), join(above, 'nowhere'));
    await expect(makeFolder(join(above, name))).rejects.toMatchObject({ code, path: expect.stringContaining(above) });
  });

  it('is not tried for ever where nothing can be made', async () => {
    await expect(makeFolder('/proc/entrepot/data')).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOENT|EROFS|EACCES|EPERM)$/),
    });
  });
});
