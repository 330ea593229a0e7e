import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PingMetadata } from '#contracts/calls/ping';
import { openDataFolder } from './data-folder';
import { recordRunning } from './running.store';
import { findServices, isRunning, throughRunning } from './running-program';

const NOBODY = 'http://127.0.0.1:1';
const SERVICES = {
  ENTREPOT_SECRET: Buffer.alloc(32, 7).toString('base64'),
  ENTREPOT_METADATA_URL: NOBODY,
  ENTREPOT_BLOBS_URL: NOBODY,
};

describe('the program that a command goes through', () => {
  let path: string;
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'entrepot-running-'));
  });
  afterEach(() => rm(path, { recursive: true, force: true }));

  const ask = () => throughRunning(path, (calls) => calls.ask(PingMetadata, {}));

  it('is not one that was killed, whatever it left: another command holds the folder', async () => {
    const folder = await openDataFolder(path);
    await writeFile(join(path, 'running.json'), JSON.stringify({ internalUrl: NOBODY, pid: process.pid + 1 }));
    expect(isRunning(path)).toBe(true);
    await expect(ask()).rejects.toThrow(
      `Process ${process.pid} has the data folder ${path} and answers no questions: an Entrepot that is starting or ending, or another command.`,
    );
    folder.release();
    expect(isRunning(path)).toBe(false);
  });

  it('is the one that holds the folder and said where it answers', async () => {
    const folder = await openDataFolder(path);
    await recordRunning(path, { internalUrl: NOBODY });
    await expect(ask()).rejects.toThrow('the metadata service does not answer at the moment');
    await writeFile(join(path, 'running.json'), JSON.stringify({ internalUrl: NOBODY }));
    await expect(ask()).rejects.toThrow('the metadata service does not answer at the moment');
    folder.release();
  });

  it.each(['', '{', '{"internalUrl":7}'])('is none that left %j', async (text) => {
    const folder = await openDataFolder(path);
    await writeFile(join(path, 'running.json'), text);
    await expect(ask()).rejects.toThrow(/answers no questions/);
    folder.release();
  });

  it('is not looked for in a folder of other things, where nothing is made', async () => {
    expect(() => isRunning(path)).toThrow(`${path} is no data folder of Entrepot`);
    expect(() => isRunning(join(path, 'none'))).toThrow('There is no data folder');
    expect(await readdir(path)).toEqual([]);
  });
});

describe('services that do not answer', () => {
  it.each([
    ['a folder', { ENTREPOT_STORE_FOLDER: '/store' }],
    ['a bucket', { ENTREPOT_STORE: 'minio' }],
  ])('are done without where the environment names a database and %s', async (_what, store) => {
    expect(await findServices({ ...SERVICES, ...store, DATABASE_URL: 'postgres://db/d' })).toBe('dead');
  });

  it.each([{}, { DATABASE_URL: 'postgres://db/d' }, { ENTREPOT_STORE: 'minio' }])(
    'are said to be away, with what would do without them, where it names %j',
    async (named) => {
      await expect(findServices({ ...SERVICES, ...named })).rejects.toThrow(
        /^the (metadata|blobs) service does not answer at the moment \(ENTREPOT_METADATA_URL.*DATABASE_URL.*$/,
      );
    },
  );

  it('are not looked for with settings that are none', async () => {
    await expect(findServices({ ...SERVICES, ENTREPOT_SECRET: 'short' })).rejects.toThrow(/ENTREPOT_SECRET/);
  });
});
