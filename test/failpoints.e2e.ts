import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { DockerRegistry } from '#testing/docker-registry';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { folderSize } from '#testing/folder-size';
import { pullBySkopeo } from '#testing/image-pull';
import { describeWithPeers } from '#testing/peers';

const LISTER = join(__dirname, '..', 'scripts', 'check', 'durable-steps.mjs');
const MINUTES = 60_000;

/** Before and after every durable step in the sources, so that a new one is tried as soon as it is written. */
const POINTS = (JSON.parse(execFileSync(process.execPath, [LISTER], { encoding: 'utf8' })) as { step: string }[])
  .filter(({ step }) => !/bucket/.test(step))
  .flatMap(({ step }) => [`${step}:before`, `${step}:after`]);

/** If a pull or a remove passes these no more, the test has lost its subject. */
const PULL_PASSES = [
  'metadata.accept-operation',
  'metadata.commit-manifest',
  'metadata.finish-session',
  'blobs.fsync-extent',
];
const REMOVE_PASSES = ['metadata.accept-operation', 'metadata.remove-image', 'blobs.unlink-object'];

const points = (log: string) => new Set([...log.matchAll(/^failpoint (.+)$/gm)].map(([, name]) => name!));
const sides = (steps: string[]) => steps.flatMap((step) => [`${step}:before`, `${step}:after`]);

type Path = 'pull' | 'remove';

describeWithPeers('kill -9 before and after every durable step', ['docker-registry', 'skopeo'], () => {
  let upstream: DockerRegistry;
  let entrepot: Entrepot;
  let digest: string;
  const passed = { pull: new Set<string>(), remove: new Set<string>() };

  beforeAll(async () => {
    [upstream, entrepot] = await Promise.all([DockerRegistry.start(), Entrepot.start(armed(POINTS, 'say'))]);
    digest = await upstream.push('library/quick:1');
  }, 90_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  const armed = (names: readonly string[], action: string) => ({
    ...SHORT_TIMES,
    ENTREPOT_FAILPOINTS: names.map((name) => `${name}=${action}`).join(';'),
  });

  /** Asks under a key; the program may die before, while or after it answers. */
  async function ask(path: Path, key: string): Promise<void> {
    const body = { kind: path, reference: `${upstream.host}/library/quick:1` };
    await entrepot.ask('POST', '/api/v1/operations', body, { 'idempotency-key': key }).catch(() => undefined);
  }

  /** Waits until what was asked under a key has come about. */
  async function done(path: Path, key: string): Promise<void> {
    await eventually(`the ${path} ${key} completes`, async () => {
      const mine = (await entrepot.operations()).filter(({ requestId }) => requestId === key);
      if (mine.length > 1) throw new Error('it was done twice');
      if (mine[0]?.state === 'failed') throw new Error(`it failed: ${JSON.stringify(mine[0].error)}`);
      return mine[0]?.state === 'completed';
    });
    if (path === 'remove') await eventually('every byte leaves the disk', isEmpty);
  }

  const isEmpty = async () =>
    (await entrepot.images()).length === 0 && (await folderSize(join(entrepot.data, 'blobs'))) < 5_000;

  /** Dies at the point; the next start goes on by itself, and what was asked for comes about. */
  async function dieAt(path: Path, point: string): Promise<void> {
    await entrepot.kill9();
    entrepot.relaunch(armed([point], 'kill'));
    const key = `${path}-${point}`;
    const asking = entrepot.ready().then(
      () => ask(path, key),
      () => undefined,
    );
    const { signal } = await entrepot.exited;
    await asking;
    if (signal !== 'SIGKILL') throw new Error(`it did not die at ${point}: ${entrepot.log}`);
    await entrepot.start(SHORT_TIMES);
    await ask(path, key);
    await done(path, key);
  }

  async function isWhole(): Promise<void> {
    const repository = `${upstream.host.replace(':', '_')}/library/quick`;
    expect((await pullBySkopeo(`${entrepot.host}/${repository}:1`)).digest).toBe(digest);
    expect(await entrepot.fsck()).toEqual([]);
  }

  async function clear(point: string): Promise<void> {
    const key = `clear-${point}`;
    await ask('remove', key);
    await done('remove', key);
  }

  async function fill(point: string): Promise<void> {
    const key = `fill-${point}`;
    await ask('pull', key);
    await done('pull', key);
  }

  async function each(path: Path, before: (point: string) => Promise<void>, after: () => Promise<void>): Promise<void> {
    const faults: string[] = [];
    for (const point of passed[path]) {
      const began = Date.now();
      const fault = await before(point)
        .then(() => dieAt(path, point))
        .then(after)
        .then(
          () => undefined,
          (error: Error) => `${point}: ${error.message}${error.cause ? ` (${String(error.cause)})` : ''}`,
        );
      process.stderr.write(`  ${path} ${point}: ${fault ? 'FAILED' : 'ok'}, ${Date.now() - began} ms\n`);
      if (fault) faults.push(fault);
    }
    expect(faults).toEqual([]);
  }

  it(
    'which of them a pull and a remove pass',
    async () => {
      await ask('pull', 'first');
      await done('pull', 'first');
      passed.pull = points(entrepot.log);
      await isWhole();
      const from = entrepot.log.length;
      await clear('first');
      passed.remove = points(entrepot.log.slice(from));
      expect([...passed.pull]).toEqual(expect.arrayContaining(sides(PULL_PASSES)));
      expect([...passed.remove]).toEqual(expect.arrayContaining(sides(REMOVE_PASSES)));
      process.stderr.write(
        `  not passed by either: ${POINTS.filter((point) => !passed.pull.has(point) && !passed.remove.has(point)).join(' ')}\n`,
      );
    },
    2 * MINUTES,
  );

  it(
    'a pull comes about all the same, once, whole, and fsck finds nothing',
    () => each('pull', clear, isWhole),
    20 * MINUTES,
  );

  it(
    'a remove comes about all the same, every byte goes, and fsck finds nothing',
    async () => {
      const isClean = async () => expect(await entrepot.fsck()).toEqual([]);
      await each('remove', fill, isClean);
    },
    20 * MINUTES,
  );
});
