import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { PruneOutcome } from '#contracts/bodies/prune';
import type { PlanItem } from '#contracts/calls/plans';
import type { Operation } from '#contracts/operation';
import { ANONYMOUS, PrincipalSchema } from '#contracts/principal';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import { lockTags } from '../database/locks';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type MadeManifest,
  type Metadata,
  openMetadata,
  reviewAll,
  runFills,
  someBytes,
  untag,
} from '../metadata.testing';
import { knownRepository } from '../names/repository.store';
import { passTime } from '../pass-time.testing';

const NODE = 'docker.io/library/node';
const QUAY = 'quay.io/corp/app';
const HERE = 'localhost:5050';
const DAY = 86_400_000;
const EMPTY = `TRUNCATE repository, manifest, blob, object, operation, review, outbox, plan, gc_run, container CASCADE;
  UPDATE installation SET gc_paused_at = NULL, gc_paused_by = NULL, seen_at = now(), quiet_until = NULL`;

describe('a prune', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({
      ENTREPOT_REVIEW_DELAY_MS: 0,
      ENTREPOT_GRACE_MS: 0,
      ENTREPOT_UNDO_MS: 0,
      ENTREPOT_PIN_MS: 1,
      ENTREPOT_PIN_WRITE_MS: 0,
      ENTREPOT_PLAN_MS: DAY,
      ENTREPOT_PRUNE_SHARE_OF: 5,
    });
    await metadata.presence.beat();
  });
  beforeEach(() => metadata.database.read(EMPTY));
  afterAll(() => metadata?.stop());

  const query = (text: string, params: unknown[] = []) => metadata.database.read(text, params);
  const repositoryId = (name: string) =>
    knownRepository({ query: (text, params) => metadata.database.read(text, params) }, name);
  const ask = async (body: Record<string, unknown>, principal = ANONYMOUS): Promise<Operation> =>
    (await metadata.operations.accept({ principal, requestId: randomUUID(), kind: 'prune', body })).operation;
  const plan = async (body: Record<string, unknown>) => {
    const { outcome } = await ask({ ...body, dryRun: true });
    const found = await metadata.plans.read((outcome as PruneOutcome).plan, undefined, 1000);
    return { ...found!.plan, list: found!.items };
  };
  const names = (items: readonly PlanItem[]) => items.map(({ repository, digest }) => `${repository}@${digest}`);
  const read = async (id: string) => (await metadata.operations.read(ANONYMOUS, id))!;

  /** Carries out what was accepted, as gc does. Answers the operation as it ended. */
  async function carryOut(id: string, limit = 50): Promise<Operation> {
    const { operations } = await metadata.work.claim('spec', ['prune'], 1);
    const claim = operations.find((each) => each.id === id);
    if (claim) while (!(await metadata.prunes.prune({ id, epoch: claim.epoch, limit })).ended);
    return read(id);
  }
  const prune = async (body: Record<string, unknown>) => carryOut((await ask(body)).id);

  async function fetched(repository = NODE, tag?: string, image = anImage()): Promise<MadeManifest> {
    await fetchWhole(metadata, repository, image, tag === undefined ? {} : { tag });
    return image;
  }
  async function contain(repository: string, { digest }: { digest: string }): Promise<void> {
    await query(
      `INSERT INTO container (id, name, repository_id, digest, state, principal) VALUES ($1, $1, $2, $3, 'exited', 'p')`,
      [randomUUID(), await repositoryId(repository), digest],
    );
  }
  /** What a list shows. */
  const images = async () =>
    (await metadata.images.list({ limit: 1000 })).images.map(({ repository, digest }) => `${repository}@${digest}`);

  it('takes untagged images unless tagged ones are asked for, and never what is in use', async () => {
    const [loose, used] = [await fetched(), await fetched()];
    await fetched(NODE, '20');
    await contain(NODE, used);
    const dangling = await plan({});
    expect(names(dangling.list)).toEqual([`${NODE}@${loose.digest}`]);
    expect(dangling).toMatchObject({ seen: 3, items: 1, kept: { tag: 1, container: 1 } });
    expect(dangling.list[0]).toMatchObject({ reason: 'dangling', state: 'planned', tags: [], size: 2200 });
    expect(await plan({ unused: true })).toMatchObject({ seen: 3, items: 2, kept: { container: 1 } });
    expect(await plan({ dangling: false })).toMatchObject({ items: 2 });
  });

  it('takes the image itself: its tags, and all that it alone kept', async () => {
    const image = await fetched(NODE, '20');
    await fetched(NODE, '21');
    const operation = await prune({ unused: true, confirm: 2 });
    expect(operation).toMatchObject({ state: 'completed', outcome: { seen: 2, removed: 2, left: 0, kept: {} } });
    expect(await query('SELECT FROM tag')).toEqual([]);
    await reviewAll(metadata);
    expect(await query('SELECT FROM repository_manifest WHERE digest = $1', [image.digest])).toEqual([]);
    expect(await query('SELECT FROM blob')).toEqual([]);
    expect(await metadata.rows.check()).toEqual([]);
  });

  it.each([
    ['quay.io/**', [QUAY]],
    ['docker.io/*', []],
    ['docker.io/*/nod?', [NODE]],
    ['**', [NODE, QUAY]],
    ['nothing/*', []],
  ])('only in the repositories that fit %s', async (repository, taken) => {
    await fetched();
    await fetched(QUAY);
    expect((await plan({ repository })).list.map((item) => item.repository)).toEqual(taken);
  });

  it('only what was not wanted for so long, or since; a pull counts, an absence does not', async () => {
    const [old, pulled] = [await fetched(), await fetched()];
    await passTime(metadata, 10 * DAY);
    await query('INSERT INTO pull_count VALUES ($1, $2, 1, now())', [await repositoryId(NODE), pulled.digest]);
    await fetched();
    const aged = await plan({ until: '9d' });
    expect(names(aged.list)).toEqual([`${NODE}@${old.digest}`]);
    expect(aged.kept).toEqual({ recent: 2 });
    expect(await plan({ until: '11d' })).toMatchObject({ items: 0 });
    const since = new Date(Date.now() - 9 * DAY).toISOString();
    expect(names((await plan({ until: since })).list)).toEqual(names(aged.list));
    await query(`INSERT INTO absence VALUES (now() - interval '5 days', now() - interval '3 days')`);
    expect(await plan({ until: '9d' })).toMatchObject({ items: 0 });
    await query('TRUNCATE absence');
  });

  it('only what has all of these labels; what was not read yet is not known to have them', async () => {
    const [both, one, unread] = [await fetched(), await fetched(), await fetched()];
    const label = (image: MadeManifest, labels: object) =>
      query('UPDATE image_config SET labels = $2, read_at = now() WHERE manifest = $1', [
        image.digest,
        JSON.stringify(labels),
      ]);
    await label(both, { stage: 'ci', team: 'a' });
    await label(one, { stage: 'ci' });
    const labelled = await plan({ labels: ['stage=ci', 'team'] });
    expect(names(labelled.list)).toEqual([`${NODE}@${both.digest}`]);
    expect(labelled.kept).toEqual({ label: 2 });
    expect(names((await plan({ labels: ['stage=ci'] })).list)).not.toContain(`${NODE}@${unread.digest}`);
    expect(await plan({ labels: ['stage=prod'] })).toMatchObject({ items: 0 });
  });

  it('leaves what hangs together with something in use: the index above, its other images, what refers to it', async () => {
    const [child, sibling] = [anImage(), anImage()];
    const index = anIndex([child, sibling]);
    await fetchManifest(metadata, NODE, index, { tag: 'multi' });
    await fetched(NODE, 'child', child);
    await fetched(NODE, 'sibling', sibling);
    const { digest, size, mediaType } = index;
    await fetched(NODE, 'signature', anImage(undefined, { subject: { digest, size, mediaType } }));
    await contain(NODE, child);
    expect(await plan({ unused: true })).toMatchObject({ items: 0, kept: { container: 4 } });
  });

  it('leaves what an operation that has not ended is about, and what somebody was just told is here', async () => {
    const [pulled, pinned] = [await fetched(), await fetched()];
    const id = randomUUID();
    await query(
      `INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state)
        VALUES ($1, 'p', $2, '', 'pull', '{}', 'accepted')`,
      [id, id],
    );
    await query('INSERT INTO operation_manifest VALUES ($1, $2, $3)', [id, await repositoryId(NODE), pulled.digest]);
    await query(`INSERT INTO pin VALUES ($1, 'manifest', $2, now() + interval '1 hour')`, [
      await repositoryId(NODE),
      pinned.digest,
    ]);
    expect(await plan({})).toMatchObject({ items: 0, kept: { operation: 1, pin: 1 } });
  });

  it('of all there is asks first, and with the count', async () => {
    await fetched();
    await fetched();
    await expect(ask({})).rejects.toMatchObject({ code: 'CONFLICT', detail: { items: 2, of: 2 } });
    await expect(ask({ repository: '**' })).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(ask({ confirm: 1 })).rejects.toMatchObject({ code: 'CONFLICT', detail: { items: 2 } });
    expect(await query('SELECT FROM plan')).toEqual([]);
    expect(await query('SELECT FROM operation')).toEqual([]);
    expect((await prune({ confirm: 2 })).outcome).toMatchObject({ removed: 2 });
  });

  it('of most of many asks first, wherever it looks', async () => {
    for (const _ of Array(4)) await fetched();
    for (const tag of ['1', '2', '3']) await fetched(QUAY, tag);
    await expect(ask({})).rejects.toMatchObject({ code: 'CONFLICT', detail: { items: 4, of: 7 } });
    await expect(ask({ repository: 'docker.io/**' })).rejects.toMatchObject({ detail: { items: 4, of: 7 } });
    for (const tag of ['4', '5']) await fetched(QUAY, tag);
    expect(await ask({})).toMatchObject({ state: 'accepted' });
  });

  it('with a share of its own asks above that, and takes all there are with the whole', async () => {
    for (const _ of Array(2)) await fetched();
    for (const tag of ['1', '2', '3', '4', '5']) await fetched(QUAY, tag);
    await expect(ask({ share: 28 })).rejects.toMatchObject({
      code: 'CONFLICT',
      detail: { items: 2, of: 7 },
      message: expect.stringMatching(/^2 images of 7 would go, more than the 28 % .* "share": 29,/),
    });
    expect(await ask({ share: 29, dryRun: true })).toMatchObject({ state: 'completed' });
    await expect(ask({ unused: true, share: 99 })).rejects.toMatchObject({ detail: { items: 7, of: 7 } });
    expect((await prune({ unused: true, share: 100 })).outcome).toMatchObject({ removed: 7 });
  });

  it('of nothing ends at once', async () => {
    await fetched(NODE, '1');
    expect(await ask({})).toMatchObject({ state: 'completed', outcome: { seen: 1, removed: 0, kept: { tag: 1 } } });
  });

  it.each([
    [{ until: 'soon' }, 'until'],
    [{ until: '5' }, 'until'],
    [{ until: '2026-02-30' }, 'until'],
    [{ until: '0000-01-01' }, 'until'],
    [{ until: '99999d99999d' }, 'until'],
    [{ until: '9'.repeat(100_000) }, 'until'],
    [{ repository: 'a[b]' }, 'repository'],
    [{ repository: '(a+)+$' }, 'repository'],
    [{ repository: '*'.repeat(256) }, 'repository'],
    [{ labels: [''] }, 'labels.0'],
    [{ labels: Array(17).fill('a') }, 'labels'],
    [{ labels: ['a\0b'] }, 'labels.0'],
    [{ confirm: -1 }, 'confirm'],
    [{ confirm: 1.5 }, 'confirm'],
    [{ dangling: true, unused: true }, 'dangling'],
    [{ plan: 'yesterday' }, 'plan'],
    [{ plan: randomUUID(), unused: true }, 'plan'],
    [{ plan: randomUUID(), dryRun: true }, 'plan'],
    [{ plan: randomUUID(), share: 100 }, 'plan'],
    [{ share: 101 }, 'share'],
    [{ share: 1.5 }, 'share'],
    [{ all: true }, 'all'],
  ])('%j is refused, naming %s', async (body, field) => {
    await expect(ask(body)).rejects.toMatchObject({ code: 'INVALID', detail: { field } });
  });

  describe('by a plan', () => {
    const planned = async () => {
      const items = [await fetched(), await fetched(), await fetched()];
      await fetched(NODE, 'kept');
      const dry = await plan({ until: '0s' });
      return { id: dry.id, items: items.sort((a, b) => (a.digest < b.digest ? -1 : 1)) };
    };

    it('takes what was read, and leaves what is otherwise now, saying why of each', async () => {
      const { id, items } = await planned();
      const [first, second, third] = items;
      await fetchManifest(metadata, NODE, first!, { tag: 'new' });
      await contain(NODE, second!);
      await fetched();
      const operation = await carryOut((await ask({ plan: id })).id);
      expect(operation).toMatchObject({ state: 'completed', outcome: { plan: id, removed: 1, left: 2 } });
      const { items: list } = (await metadata.plans.read(id, undefined, 10))!;
      expect(list.map(({ digest, state, leftBecause }) => ({ digest, state, leftBecause }))).toEqual([
        { digest: first!.digest, state: 'left', leftBecause: 'a tag names it now' },
        { digest: second!.digest, state: 'left', leftBecause: expect.stringContaining('container') },
        { digest: third!.digest, state: 'removed', leftBecause: null },
      ]);
    });

    it('leaves what was pulled since, and what is gone', async () => {
      const { id, items } = await planned();
      await query('INSERT INTO pull_count VALUES ($1, $2, 1, clock_timestamp())', [
        await repositoryId(NODE),
        items[0]!.digest,
      ]);
      await query('UPDATE repository_manifest SET removed_at = clock_timestamp() WHERE digest = $1', [
        items[1]!.digest,
      ]);
      await carryOut((await ask({ plan: id })).id);
      const { items: list } = (await metadata.plans.read(id, undefined, 10))!;
      expect(list.map(({ leftBecause }) => leftBecause)).toEqual([
        'it was pulled since',
        'it is gone already, or part of another image now',
        null,
      ]);
    });

    it('is done once: neither twice, nor by two at once', async () => {
      const { id } = await planned();
      const both = await Promise.allSettled([ask({ plan: id }), ask({ plan: id })]);
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await expect(ask({ plan: id })).rejects.toMatchObject({ code: 'CONFLICT' });
    });

    it('of another, one that is too old, or one that is not there is refused', async () => {
      const { id } = await planned();
      await expect(ask({ plan: id }, PrincipalSchema.parse('k1m'))).rejects.toMatchObject({ code: 'DENIED' });
      await query(`UPDATE plan SET until = now() - interval '1 second'`);
      await expect(ask({ plan: id })).rejects.toMatchObject({ code: 'CONFLICT' });
      await expect(ask({ plan: randomUUID() })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('is read page by page', async () => {
      const { id, items } = await planned();
      const first = (await metadata.plans.read(id, undefined, 2))!;
      const second = (await metadata.plans.read(id, first.next!, 2))!;
      expect([...first.items, ...second.items].map(({ digest }) => digest)).toEqual(items.map(({ digest }) => digest));
      expect(second.next).toBeNull();
      await expect(metadata.plans.read(id, 'x', 1)).rejects.toMatchObject({ code: 'INVALID' });
      expect(await metadata.plans.read(randomUUID(), undefined, 1)).toBeNull();
    });
  });

  it('two that take the same at once take each image once, and both end', async () => {
    for (const _ of Array(6)) await fetched();
    await fetched(NODE, 'kept');
    await query(`UPDATE repository_manifest SET committed_at = now() - interval '1 day'`);
    for (const tag of ['a', 'b', 'c', 'd', 'e']) await fetched(QUAY, tag);
    const asked = [await ask({}), await ask({})];
    const { operations } = await metadata.work.claim('spec', ['prune'], 2);
    await Promise.all(
      operations.map(async ({ id, epoch }) => {
        while (!(await metadata.prunes.prune({ id, epoch, limit: 2 })).ended);
      }),
    );
    const ended = await Promise.all(asked.map(({ id }) => read(id)));
    expect(ended.map(({ state }) => state)).toEqual(['completed', 'completed']);
    const removed = ended.map(({ outcome }) => (outcome as PruneOutcome).removed);
    expect(removed[0]! + removed[1]!).toBe(6);
  });

  it('goes on where a worker was lost, and counts nothing twice', async () => {
    for (const _ of Array(5)) await fetched();
    for (const tag of ['a', 'b', 'c', 'd', 'e']) await fetched(QUAY, tag);
    const { id } = await ask({});
    const [first] = (await metadata.work.claim('one', ['prune'], 1)).operations;
    await metadata.prunes.prune({ id, epoch: first!.epoch, limit: 2 });
    await query(`UPDATE operation SET claimed_until = now() - interval '1 second'`);
    const ended = await carryOut(id, 2);
    expect(ended.outcome).toMatchObject({ removed: 5, left: 0 });
    await expect(metadata.prunes.prune({ id, epoch: first!.epoch, limit: 2 })).rejects.toMatchObject({ code: 'STALE' });
    expect(await metadata.runs.read(id)).toMatchObject({ state: 'completed', seen: 10, removed: 5, kept: { tag: 5 } });
  });

  it('takes nothing while cleanup is paused', async () => {
    for (const _ of Array(2)) await fetched();
    for (const tag of ['a', 'b', 'c']) await fetched(QUAY, tag);
    const { id } = await ask({});
    await metadata.runs.pause('kim');
    const [claim] = (await metadata.work.claim('spec', ['prune'], 1)).operations;
    const paused = await metadata.prunes.prune({ id, epoch: claim!.epoch, limit: 5 });
    expect(paused).toEqual({ ended: false, paused: true, removed: 0, left: 0, retryAfterMs: null });
    await metadata.runs.resume('kim');
    expect(await metadata.prunes.prune({ id, epoch: claim!.epoch, limit: 5 })).toMatchObject({
      ended: true,
      removed: 2,
    });
  });

  it('P5: takes nothing while what began to run in an absence may not be reported yet, and says when to ask again', async () => {
    await fetched();
    await fetched(QUAY, 'a');
    const { id } = await ask({});
    const [claim] = (await metadata.work.claim('spec', ['prune'], 1)).operations;
    const batch = { id, epoch: claim!.epoch, limit: 5 };
    await query(`UPDATE installation SET quiet_until = now() + interval '5 minutes'`);
    const quiet = await metadata.prunes.prune(batch);
    expect(quiet).toMatchObject({ ended: false, paused: true, removed: 0 });
    expect(quiet.retryAfterMs).toBeGreaterThan(60_000);
    await query('UPDATE installation SET quiet_until = now()');
    expect(await metadata.prunes.prune(batch)).toMatchObject({ ended: true, removed: 1 });
  });

  it('of an image with very many tags takes some at a time, and nobody who tags elsewhere waits for it', async () => {
    const image = await fetched(NODE, '20');
    await query(`INSERT INTO tag (repository_id, name, digest)
      SELECT repository_id, 't' || n, digest FROM tag, generate_series(1, 299) AS n`);
    const { id } = await ask({ unused: true, confirm: 1 });
    const [claim] = (await metadata.work.claim('spec', ['prune'], 1)).operations;
    const tags = async () => (await query('SELECT FROM tag')).length;
    const steps: number[] = [];
    for (let ended = false; !ended; steps.push(await tags())) {
      ({ ended } = await metadata.database.transaction('spec.elsewhere', async (sql) => {
        await lockTags(sql, -1, ['1']);
        return metadata.prunes.prune({ id, epoch: claim!.epoch, limit: 50 });
      }));
    }
    expect(steps).toEqual([172, 44, 0]);
    expect(await read(id)).toMatchObject({ outcome: { seen: 1, removed: 1, removedBytes: 2200, left: 0 } });
    expect(await metadata.runs.read(id)).toMatchObject({ seen: 1, removed: 1, removedBytes: 2200, kept: {} });
    expect(
      await query('SELECT FROM repository_manifest WHERE removed_at IS NULL AND digest = $1', [image.digest]),
    ).toEqual([]);
  });

  it('of an image with very many tags leaves it, and the tags that it still has, where it was given another meanwhile', async () => {
    const image = await fetched(NODE, '20');
    await query(`INSERT INTO tag (repository_id, name, digest)
      SELECT repository_id, 't' || n, digest FROM tag, generate_series(1, 199) AS n`);
    const { id } = await ask({ unused: true, confirm: 1 });
    const [claim] = (await metadata.work.claim('spec', ['prune'], 1)).operations;
    const step = () => metadata.prunes.prune({ id, epoch: claim!.epoch, limit: 50 });
    expect(await step()).toMatchObject({ ended: false, removed: 0, left: 0 });
    await query('INSERT INTO tag (repository_id, name, digest) SELECT id, $1, $2 FROM repository', [
      'zzz',
      image.digest,
    ]);
    expect(await step()).toMatchObject({ ended: true, removed: 0, left: 1 });
    expect(await query('SELECT FROM tag')).toHaveLength(73);
    expect(await metadata.runs.read(id)).toMatchObject({ seen: 1, removed: 0, removedBytes: 0, kept: { changed: 1 } });
  });

  it('that is called off adds up: what it did not come to was kept', async () => {
    for (let i = 0; i < 4; i += 1) await fetched();
    await fetched(NODE, '1');
    const { id } = await ask({});
    const [claim] = (await metadata.work.claim('spec', ['prune'], 1)).operations;
    await metadata.prunes.prune({ id, epoch: claim!.epoch, limit: 2 });
    await metadata.operations.cancel(ANONYMOUS, id);
    await metadata.work.endCancelled({ id, epoch: claim!.epoch });
    const run = (await metadata.runs.read(id))!;
    expect(run).toMatchObject({ state: 'cancelled', seen: 5, removed: 2, removedBytes: 4400 });
    expect(run.kept).toEqual({ tag: 1, cancelled: 2 });
  });

  it('of what was pushed can be undone for a while', async () => {
    await fetched(NODE, '20');
    await metadata.operations.accept({
      principal: ANONYMOUS,
      requestId: randomUUID(),
      kind: 'tag',
      body: { source: 'node:20', target: `${HERE}/team/app:1` },
    });
    await prune({ unused: true, repository: 'team/*' });
    const [trash] = await metadata.database.read<{ tags: string[] }>('SELECT tags FROM trash');
    expect(trash?.tags).toEqual(['1']);
  });

  const LAYERS = Array.from({ length: 3 }, () => someBytes(OCI_LAYER_GZIP));
  const CHILDREN = [anImage([LAYERS[0]!]), anImage([LAYERS[0]!, LAYERS[1]!]), anImage([LAYERS[2]!])];
  const INDEX = anIndex([CHILDREN[0]!, CHILDREN[1]!]);
  const { digest, size, mediaType } = INDEX;
  const POOL = [...CHILDREN, INDEX, anIndex([INDEX]), anImage(undefined, { subject: { digest, size, mediaType } })];

  it('P10: a dry run lists exactly what a quiet run removes', async () => {
    const act = fc.record({
      what: fc.constantFrom('commit', 'tag', 'tag', 'contain', 'untag', 'time'),
      repository: fc.constantFrom(NODE, QUAY),
      image: fc.nat(POOL.length - 1),
      tag: fc.constantFrom('x', 'y', 'z'),
    });
    const filters = fc.record(
      {
        unused: fc.boolean(),
        until: fc.constantFrom('0s', '1d', '3d'),
        repository: fc.constantFrom('quay.io/**', '**'),
      },
      { requiredKeys: ['unused'] },
    );
    await fc.assert(
      fc
        .asyncProperty(fc.array(act, { minLength: 3, maxLength: 12 }), filters, async (acts, body) => {
          for (const { what, repository, image, tag } of acts) {
            const one = POOL[image]!;
            if (what === 'time') await passTime(metadata, DAY);
            if (what === 'commit') await fetchManifest(metadata, repository, one);
            if (what === 'tag') await fetchManifest(metadata, repository, one, { tag });
            await runFills(metadata);
            const shown = await query(
              'SELECT FROM repository_manifest JOIN repository ON id = repository_id WHERE name = $1 AND digest = $2',
              [repository, one.digest],
            );
            if (shown.length > 0 && what === 'contain') await contain(repository, one);
            if (shown.length > 0 && what === 'untag') await untag(metadata, repository, tag);
          }
          await reviewAll(metadata);
          const before = await images();
          const dry = await plan(body);
          expect(dry.items).toBe(dry.list.length);
          expect(before.length).toBe((await plan({ unused: true })).seen);
          expect(Object.values(dry.kept).reduce((sum, n) => sum + n, dry.items)).toBe(dry.seen);
          const operation = await carryOut((await ask({ plan: dry.id })).id, 2);
          await reviewAll(metadata);
          const after = await images();
          expect(operation.outcome).toMatchObject({ removed: dry.items, left: 0 });
          expect(before.filter((image) => !after.includes(image)).sort()).toEqual(names(dry.list).sort());
          expect(after.filter((image) => !before.includes(image))).toEqual([]);
          expect(await metadata.rows.check()).toEqual([]);
        })
        .beforeEach(() => metadata.database.read(EMPTY).then(() => undefined)),
      { numRuns: 30, endOnFailure: true },
    );
  });
});
