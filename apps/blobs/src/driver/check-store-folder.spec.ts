import promises, { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { checkStoreFolder } from './check-store-folder';
import { FolderDriver } from './folder.driver';

describe('the folder of a store', () => {
  let above: string;
  let folder: string;
  beforeEach(async () => {
    above = await tempFolder('check');
    folder = join(above, 'store');
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await removeFolder(above);
  });

  /** As the kernel answers a user who may not write there. */
  function deny(path: string, code = 'EACCES'): void {
    const access = promises.access;
    jest.spyOn(promises, 'access').mockImplementation(async (asked, mode) => {
      if (asked === path) throw Object.assign(new Error(code), { code, path });
      return access(asked, mode);
    });
  }

  it('is made where there is none, and is fine', async () => {
    await checkStoreFolder(folder);
    await checkStoreFolder(folder);
  });

  it.each([
    ['itself', '.'],
    ['its objects', 'objects'],
    ['a shelf of them', 'objects/0199aa'],
    ['its journal', 'journal'],
    ['a folder of the journal', 'journal/1'],
  ])('must be writable: %s', async (_what, part) => {
    for (const each of ['objects/0199aa', 'journal/1']) await mkdir(join(folder, each), { recursive: true });
    const path = join(folder, part);
    deny(path);
    await expect(new FolderDriver(folder).open()).rejects.toThrow(
      `ENTREPOT_STORE_FOLDER: this user may not write to ${path}.`,
    );
  });

  it('on a read-only mount, of a file, over a file, of a link to nothing: each is told by its name', async () => {
    await mkdir(folder);
    await writeFile(join(above, 'file'), '');
    await symlink(join(above, 'gone'), join(above, 'link'));
    await expect(checkStoreFolder(join(above, 'file'))).rejects.toThrow(/file is a file or lies below one/);
    await expect(checkStoreFolder(join(above, 'link'))).rejects.toThrow(/link is a link to .*gone/);
    await writeFile(join(folder, 'objects'), '');
    await expect(checkStoreFolder(folder)).rejects.toThrow(/is a file or lies below one/);
    deny(folder, 'EROFS');
    await expect(checkStoreFolder(folder)).rejects.toThrow(`${folder} lies on a read-only file system`);
  });
});
