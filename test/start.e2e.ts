import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '#children/free-port';
import { livingChildren } from '#testing/end-children';
import { Entrepot } from '#testing/entrepot';
import { HOUSE } from '#testing/house';
import { runProgram } from '#testing/run-program';
import { SmallDisk } from '#testing/small-disk';
import { TcpServer } from '#testing/tcp-server';
import { removeFolder, tempFolder } from '#testing/temp-folder';

const SECRET = { ENTREPOT_SECRET: Buffer.alloc(32, 7).toString('base64') };
const NO_DATABASE = { DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/d', ENTREPOT_DATABASE_WAIT_MS: '500' };

/** Starts, expects an end with what to do, that leaves no child and ends nobody else's, and gives what was said. */
async function refusal(settings: Record<string, string>): Promise<string> {
  const before = livingChildren(settings.ENTREPOT_DATA ?? '');
  const entrepot = await Entrepot.launch(settings);
  try {
    const { code } = await entrepot.exited;
    expect({ code, log: entrepot.log }).toEqual({ code: 1, log: expect.not.stringMatching(/\n\s+at /) });
    expect(entrepot.log).not.toContain('\u001b[');
    expect(livingChildren(entrepot.data)).toEqual(before);
    return entrepot.log;
  } finally {
    await entrepot.destroy();
  }
}

/** The line that says it, among the lines of the steps. */
const lineWith = (log: string, word: string) => log.split('\n').filter((line) => line.includes(word));

describe('a start that cannot go on says why in one line, ends with 1 and damages nothing', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await tempFolder('start');
  });
  afterAll(() => removeFolder(folder));

  it('two starts on one data folder: the second names the first', async () => {
    const first = await Entrepot.start();
    try {
      const log = await refusal({ ENTREPOT_DATA: first.data });
      expect(lineWith(log, first.data)).toEqual([
        expect.stringMatching(`in use by another Entrepot.*process ${first.pid}`),
      ]);
      expect((await first.ask('GET', '/readyz')).status).toBe(200);
      expect(await first.fsck()).toEqual([]);
    } finally {
      await first.destroy();
    }
  }, 90_000);

  it.each(['ENTREPOT_PORT', 'ENTREPOT_NATS_PORT'])(
    'a taken port: it names %s',
    async (setting) => {
      const taken = await TcpServer.start();
      const { port } = taken;
      const log = await refusal({ [setting]: String(port) });
      await taken.stop();
      const said = log.trimEnd().split('\n').at(-1);
      expect(said).toContain(String(port));
      expect(said).toContain(setting);
    },
    60_000,
  );

  it('a folder that nobody may write to', async () => {
    const place = join(folder, 'read-only');
    const disk = await SmallDisk.mount(place, '1m', 'ro');
    try {
      const log = await refusal({ ENTREPOT_DATA: join(place, 'data') });
      expect(lineWith(log, 'ENTREPOT_DATA')).toEqual([expect.stringContaining('lies on a read-only file system')]);
    } finally {
      await disk.unmount();
    }
  });

  it.each<[what: string, store: (place: string) => Promise<string>, says: string]>([
    ['that is a file', (place) => writeFile(place, '').then(() => place), 'must be a folder'],
    ['where nothing can be made', async () => '/proc/entrepot', 'nothing can be made in /proc'],
    ['that is a link to nothing', (place) => symlink('/mnt/gone', place).then(() => place), 'is a link to /mnt/gone'],
  ])('a store folder %s: nothing is started, and nothing else is said', async (_what, make, says) => {
    const log = await refusal({ ENTREPOT_STORE_FOLDER: await make(join(folder, `store-${says.length}`)) });
    const [data, fault, ...more] = log.trimEnd().split('\n');
    expect(data).toMatch(/^ {2}data /);
    expect(fault).toMatch(new RegExp(`^ENTREPOT_STORE_FOLDER: .*${says}`));
    expect(more).toEqual([]);
  });

  it('a store on a read-only mount', async () => {
    const place = join(folder, 'read-only-store');
    const disk = await SmallDisk.mount(place, '1m', 'ro');
    try {
      const log = await refusal({ ENTREPOT_STORE_FOLDER: place });
      expect(log.trimEnd().split('\n').at(-1)).toMatch(/^ENTREPOT_STORE_FOLDER: .* lies on a read-only file system/);
      expect(log).not.toContain('[Nest]');
    } finally {
      await disk.unmount();
    }
  });

  it('a store that another process has: one line, and nothing of the servers that end', async () => {
    const first = await Entrepot.start();
    try {
      const log = await refusal({ ENTREPOT_STORE_FOLDER: join(first.data, 'blobs') });
      expect(log.trimEnd().split('\n').at(-1)).toMatch(/^Another blobs process .* has the folder/);
      expect(log).not.toContain('[Nest]');
    } finally {
      await first.destroy();
    }
  }, 90_000);

  it('a data folder where nothing can be made', async () => {
    expect(lineWith(await refusal({ ENTREPOT_DATA: '/proc/entrepot' }), 'ENTREPOT_DATA')).toEqual([
      expect.stringContaining('nothing can be made in /proc'),
    ]);
  });

  it('arguments, for it takes none; but it says what there is when it is asked', async () => {
    const main = join(HOUSE, 'dist', 'apps', 'standalone', 'src', 'main.js');
    const run = (argument: string) =>
      runProgram(process.execPath, [main, argument], { env: { PATH: process.env.PATH } });
    expect(await run('--help')).toMatchObject({ code: 0, stdout: expect.stringMatching(/ENTREPOT_DATA .*folder/) });
    expect(await run('--prot=1')).toMatchObject({ code: 1, stderr: expect.stringMatching(/takes no arguments/) });
  });

  it('a file in the place of the folder', async () => {
    await writeFile(join(folder, 'file'), '');
    const log = await refusal({ ENTREPOT_DATA: join(folder, 'file') });
    expect(lineWith(log, 'ENTREPOT_DATA')).toEqual([expect.stringContaining('must be a folder')]);
  });

  it('a folder of other things', async () => {
    const place = join(folder, 'photos');
    await mkdir(place);
    await writeFile(join(place, 'holiday.jpg'), 'x');
    expect(lineWith(await refusal({ ENTREPOT_DATA: place }), 'holiday.jpg')).toHaveLength(1);
    expect(await readdir(place)).toEqual(['holiday.jpg']);
  });

  it('a data folder of a later version, which it does not touch', async () => {
    const place = join(folder, 'later');
    await mkdir(place);
    await writeFile(join(place, 'format'), '1000\n');
    const log = await refusal({ ENTREPOT_DATA: place });
    expect(lineWith(log, 'later Entrepot')).toEqual([expect.stringContaining(place)]);
    expect(await readdir(place)).toEqual(['format']);
    expect(await readFile(join(place, 'format'), 'utf8')).toBe('1000\n');
  });

  it('bad settings: every fault at once, by name', async () => {
    const log = await refusal({
      ENTREPOT_PORT: 'eighty',
      ENTREPOT_GRACE_MS: '-1',
      ENTREPOT_FETCH_FILLS: '0',
      ENTREPOT_PROT: '5050',
    });
    for (const name of ['ENTREPOT_PORT', 'ENTREPOT_GRACE_MS', 'ENTREPOT_FETCH_FILLS', 'ENTREPOT_PROT']) {
      expect(lineWith(log, `${name}:`)).toHaveLength(1);
    }
    expect(lineWith(log, 'ENTREPOT_PROT:')[0]).toContain('did you mean ENTREPOT_PORT?');
  });

  it('a fault of one setting hides no rule over others', async () => {
    const log = await refusal({ ENTREPOT_PORT: 'abc', ENTREPOT_HOST: '0.0.0.0' });
    expect(lineWith(log, 'ENTREPOT_PORT:')).toHaveLength(1);
    expect(lineWith(log, 'ENTREPOT_HOST:')).toEqual([expect.stringContaining('ENTREPOT_ALLOW_ANONYMOUS')]);
  });

  it.each([
    ['that is not there', undefined, 'missing.json'],
    ['that is no JSON', '{', 'not JSON'],
    ['with a fault', '{"registry.example":{"speed":9}}', 'has faults'],
  ])(
    'a file of upstreams %s',
    async (_what, text, says) => {
      const file = join(folder, text === undefined ? 'missing.json' : 'upstreams.json');
      if (text !== undefined) await writeFile(file, text);
      const log = await refusal({ ENTREPOT_UPSTREAMS: file });
      expect(lineWith(log, 'ENTREPOT_UPSTREAMS')).toEqual([expect.stringContaining(says)]);
    },
    60_000,
  );

  it('a file of schedules with faults: all of them, by line and name', async () => {
    const file = join(folder, 'schedules.yaml');
    await writeFile(
      file,
      'nightly:\n  cron: 0 0 30 2 *\n  prune: {}\nweekly:\n  cron: 0 3 * * 0\n  timeZone: Mars\n  prune: {}\n',
    );
    const log = await refusal({ ENTREPOT_SCHEDULES: file });
    expect(lineWith(log, 'line ')).toEqual([
      '  line 2: nightly.cron: must name a time that comes',
      expect.stringMatching(/^ {2}line 6: weekly\.timeZone: must be an IANA time zone/),
    ]);
  }, 60_000);

  it('a database that does not answer', async () => {
    const nowhere = `postgres://u:hunter2@127.0.0.1:${await freePort()}/d`;
    const log = await refusal({ DATABASE_URL: nowhere, ENTREPOT_DATABASE_WAIT_MS: '500' });
    expect(lineWith(log, 'Postgres did not answer')).toHaveLength(1);
    expect(log).not.toContain('hunter2');
  }, 60_000);

  it('failpoints that are none', async () => {
    const log = await refusal({ ENTREPOT_FAILPOINTS: 'x' });
    expect(log.trimEnd()).toBe('ENTREPOT_FAILPOINTS: "x" is not name:before=action or name:after=action');
  });

  it.each<[service: string, what: string, settings: Record<string, string>, says: RegExp]>([
    ['gc', 'failpoints that are none', { ENTREPOT_FAILPOINTS: 'x' }, /^ENTREPOT_FAILPOINTS: "x" .*\n$/],
    [
      'gc',
      'no settings, and wrong ones',
      { ENTREPOT_GC_BATCH: '0' },
      /ENTREPOT_SECRET: must be set\n.*ENTREPOT_GC_BATCH/,
    ],
    ['fetcher', 'no file of upstreams', { ...SECRET, ENTREPOT_UPSTREAMS: '/none.json' }, /^ENTREPOT_UPSTREAMS: .*\n$/],
    ['metadata', 'no database', { ...SECRET, ...NO_DATABASE }, /^Postgres did not answer .*\n$/],
  ])(
    '%s as a process of its own: %s',
    async (service, _what, settings, says) => {
      const main = join(HOUSE, 'dist', 'apps', service, 'src', 'main.js');
      const quiet = { ENTREPOT_LOG_LEVEL: 'warn', NATS_URL: 'nats://127.0.0.1:1' };
      const { code, stderr } = await runProgram(process.execPath, [main], { env: { ...quiet, ...settings } });
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(says) });
    },
    60_000,
  );

  it('listening for everybody without authentication, unless that is said to be meant', async () => {
    const log = await refusal({ ENTREPOT_HOST: '0.0.0.0' });
    expect(lineWith(log, 'ENTREPOT_HOST')[0]).toContain('ENTREPOT_ALLOW_ANONYMOUS');
  });

  it('a full disk; and with room again it starts on the same folder', async () => {
    const place = join(folder, 'full');
    const disk = await SmallDisk.mount(place, '24m', 'mode=711');
    const entrepot = await Entrepot.launch({ ENTREPOT_DATA: join(place, 'data') });
    try {
      const { code } = await entrepot.exited;
      expect({ code, log: entrepot.log }).toEqual({ code: 1, log: expect.stringMatching(/full|No space left/) });
      expect(livingChildren(entrepot.data)).toEqual([]);
      await disk.resize('400m');
      await entrepot.start();
      expect(await entrepot.fsck()).toEqual([]);
    } finally {
      await entrepot.stop();
      await entrepot.destroy();
      await disk.unmount();
    }
  }, 90_000);
});
