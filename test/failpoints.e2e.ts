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

/** If a path passes these no more, the test has lost its subject. */
const MUST_PASS = {
  start: ['standalone.write-format', 'standalone.record-children', 'metadata.claim-operations'],
  pull: ['metadata.accept-operation', 'metadata.commit-manifest', 'metadata.finish-session', 'blobs.fsync-extent'],
  serve: ['metadata.pin-manifests'],
  remove: ['metadata.remove-image', 'blobs.unlink-object', 'metadata.forget-objects'],
};
type Path = keyof typeof MUST_PASS;

const points = (log: string) => new Set([...log.matchAll(/^failpoint (.+)$/gm)].map(([, name]) => name!));
const sides = (steps: string[]) => steps.flatMap((step) => [`${step}:before`, `${step}:after`]);
/** Steps that no path can miss. */
const ALWAYS = new Set(Object.values(MUST_PASS).flatMap(sides));
const armed = (names: readonly string[], action: string) => ({
  ...SHORT_TIMES,
  ENTREPOT_FAILPOINTS: names.map((name) => `${name}=${action}`).join(';'),
});

describeWithPeers('kill -9 before and after every durable step', ['docker-registry', 'skopeo'], () => {
  let upstream: DockerRegistry;
  let entrepot: Entrepot;
  let digest: string;
  const passed: Record<Path, string[]> = { start: [], pull: [], serve: [], remove: [] };

  beforeAll(async () => {
    [upstream, entrepot] = await Promise.all([DockerRegistry.start(), Entrepot.start(armed(POINTS, 'say'))]);
    digest = await upstream.push('library/quick:1');
  }, 90_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  /** Asks under a key; the program may die before, while or after it answers. */
  async function ask(path: 'pull' | 'remove', key: string): Promise<void> {
    const body = { kind: path, reference: `${upstream.host}/library/quick:1` };
    await entrepot.ask('POST', '/api/v1/operations', body, { 'idempotency-key': key }).catch(() => undefined);
  }

  /** Waits until what was asked under a key has come about. */
  async function done(path: 'pull' | 'remove', key: string): Promise<void> {
    const { state, error } = await eventually(`the ${path} ${key} ends`, async () => {
      const mine = (await entrepot.operations()).filter(({ requestId }) => requestId === key);
      expect(mine.length).toBeLessThanOrEqual(1);
      return mine.find(({ endedAt }) => endedAt !== null);
    });
    expect({ state, error }).toEqual({ state: 'completed', error: null });
    if (path === 'remove') await eventually('every byte leaves the disk', isEmpty);
  }

  const isEmpty = async () =>
    (await entrepot.images()).length === 0 && (await folderSize(join(entrepot.data, 'blobs', 'objects'))) < 5_000;

  /** Whether it died before `work` was done. Some steps are passed only where something takes long, and so not each time. */
  async function died(point: string, work: Promise<unknown>): Promise<boolean> {
    const done = work.then(
      () => false,
      () => entrepot.exited.then(() => true),
    );
    const dead = await Promise.race([done, entrepot.exited.then(() => true)]);
    if (ALWAYS.has(point)) expect(dead).toBe(true);
    if (!dead) process.stderr.write(`  ${point} was not passed this time\n`);
    return dead;
  }

  /** Dies at the point; the next start goes on by itself, and what was asked for comes about. */
  async function dieAt(path: 'pull' | 'remove', point: string): Promise<void> {
    await entrepot.kill9();
    entrepot.relaunch(armed([point], 'kill'));
    const key = `${path}-${point}`;
    const work = entrepot.ready().then(async () => {
      await ask(path, key);
      await done(path, key);
    });
    if (!(await died(point, work))) await entrepot.kill9();
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
    if (await isEmpty()) return;
    await ask('remove', `clear-${point}`);
    await done('remove', `clear-${point}`);
  }

  async function fill(point: string): Promise<void> {
    if ((await entrepot.images()).some(({ complete, tags }) => complete && tags.length > 0)) return;
    await ask('pull', `fill-${point}`);
    await done('pull', `fill-${point}`);
  }

  /** Tries each point of a path, tells of each, and goes on after one that failed. */
  async function each(path: Path, run: (point: string) => Promise<void>): Promise<void> {
    const faults: string[] = [];
    expect(passed[path]).not.toEqual([]);
    for (const point of passed[path]) {
      const began = Date.now();
      const fault = await run(point).then(
        () => undefined,
        (error: Error) => `${point}: ${error.message}${error.cause ? ` (${String(error.cause)})` : ''}`,
      );
      process.stderr.write(`  ${path} ${point}: ${fault ? 'FAILED' : 'ok'}, ${Date.now() - began} ms\n`);
      if (fault) {
        faults.push(fault);
        await entrepot.kill9();
        await entrepot.start(SHORT_TIMES);
      }
    }
    expect(faults).toEqual([]);
  }

  it(
    'which of them a first start, a pull, a reader and a remove pass',
    async () => {
      const seen = (from: number) => points(entrepot.log.slice(from));
      const [start, begun] = [seen(0), entrepot.log.length];
      await ask('pull', 'first');
      await done('pull', 'first');
      const [pull, pulled] = [seen(begun), entrepot.log.length];
      await isWhole();
      const [serve, served] = [seen(pulled), entrepot.log.length];
      await clear('first');
      await eventually('the tombstones go', async () => seen(served).has('metadata.forget-objects:after'));
      const groups = { start, pull, serve, remove: seen(served) };
      // A step is tried where it is passed first: armed, it kills there.
      const before = new Set<string>();
      for (const path of ['start', 'pull', 'serve', 'remove'] as const) {
        expect([...groups[path]]).toEqual(expect.arrayContaining(sides(MUST_PASS[path])));
        passed[path] = [...groups[path]].filter((point) => !before.has(point));
        for (const point of groups[path]) before.add(point);
      }
      process.stderr.write(`  passed by none: ${POINTS.filter((point) => !before.has(point)).join(' ')}\n`);
    },
    2 * MINUTES,
  );

  it(
    'a pull comes about all the same, once, whole, and fsck finds nothing',
    () =>
      each('pull', async (point) => {
        await clear(point);
        await dieAt('pull', point);
        await isWhole();
      }),
    20 * MINUTES,
  );

  it(
    'an image that is being served is whole at the next start',
    () =>
      each('serve', async (point) => {
        await fill(point);
        await entrepot.kill9();
        entrepot.relaunch(armed([point], 'kill'));
        await entrepot.ready();
        if (!(await died(point, isWhole()))) await entrepot.kill9();
        await entrepot.start(SHORT_TIMES);
        await isWhole();
      }),
    20 * MINUTES,
  );

  it(
    'a remove comes about all the same, every byte goes, and fsck finds nothing',
    () =>
      each('remove', async (point) => {
        await fill(point);
        await dieAt('remove', point);
        expect(await entrepot.fsck()).toEqual([]);
      }),
    20 * MINUTES,
  );

  it(
    'a first start goes on at the next one, and pulls',
    () =>
      each('start', async (point) => {
        await entrepot.destroy();
        entrepot = await Entrepot.launch(armed([point], 'kill'));
        const work = entrepot.ready().then(() => fill(point));
        if (!(await died(point, work))) await entrepot.kill9();
        await entrepot.start(SHORT_TIMES);
        await fill(point);
        await isWhole();
      }),
    20 * MINUTES,
  );
});
