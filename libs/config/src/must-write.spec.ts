import promises, { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustWrite } from './must-write';

describe('where this process must be able to write', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-write-'));
    await mkdir(join(folder, 'a', 'b', 'c'), { recursive: true });
    await writeFile(join(folder, 'a', 'file'), '');
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await rm(folder, { recursive: true, force: true });
  });

  /** As the kernel answers a user who may not write there. */
  function deny(path: string): void {
    const access = promises.access;
    jest.spyOn(promises, 'access').mockImplementation(async (asked, mode) => {
      if (asked === path) throw Object.assign(new Error('EACCES'), { code: 'EACCES', path });
      return access(asked, mode);
    });
  }

  it.each(['.', 'a', 'a/b'])('is looked at as deep as is asked: %s', async (part) => {
    deny(join(folder, part));
    await expect(mustWrite(folder, 2)).rejects.toMatchObject({ code: 'EACCES', path: join(folder, part) });
  });

  it('is not looked at deeper', async () => {
    deny(join(folder, 'a', 'b'));
    await mustWrite(folder, 1);
  });

  it('must be a folder', async () => {
    const path = join(folder, 'a', 'file');
    await expect(mustWrite(path)).rejects.toMatchObject({ code: 'ENOTDIR', path });
  });

  it('need not be there yet', () => mustWrite(join(folder, 'none'), 2));
});
