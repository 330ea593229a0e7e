import { randomUUID } from 'node:crypto';
import type { GcRun } from '#contracts/calls/runs';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type Metadata,
  openMetadata,
  pushBlob,
  reviewAll,
  someBytes,
  untag,
} from '../metadata.testing';

const NODE = 'docker.io/library/node';
const DAY = 86_400_000;
const EMPTY = `TRUNCATE repository, manifest, blob, object, operation, review, outbox, gc_run CASCADE;
  UPDATE installation SET gc_paused_at = NULL, gc_paused_by = NULL`;

describe('a run of cleanup', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({
      ENTREPOT_REVIEW_DELAY_MS: 0,
      ENTREPOT_GRACE_MS: 0,
      ENTREPOT_PIN_MS: 2 * DAY,
      ENTREPOT_KEEP_PULLED_MS: 3 * DAY,
    });
    await metadata.presence.beat();
  });
  beforeEach(() => metadata.database.read(EMPTY));
  afterAll(() => metadata?.stop());

  const runs = async () => (await metadata.runs.list({ limit: 100 })).runs;
  const facts = (subject: string) =>
    metadata.database.read<{ data: Record<string, unknown> }>(
      `SELECT message -> 'data' AS data FROM outbox WHERE subject = $1 ORDER BY id`,
      [`entrepot.fact.gc.${subject}`],
    );
  const purge = async () => {
    const { objects } = await metadata.purges.claim(1000);
    await metadata.purges.forget(objects.map(({ object }) => object));
    return objects;
  };
  const addsUp = ({ seen, removed, condemned, kept }: GcRun) =>
    Object.values(kept).reduce((sum, n) => sum + n, removed + condemned) === seen;

  it('adds up: what was seen was removed, condemned, or kept for a reason; and what was purged is what was stored', async () => {
    const child = anImage();
    const index = anIndex([child]);
    await fetchManifest(metadata, NODE, index, { tag: 'multi' });
    await fetchWhole(metadata, NODE, child);
    await fetchWhole(metadata, NODE, anImage(), { tag: '1' });
    await fetchWhole(metadata, NODE, anImage());
    await pushBlob(metadata, 'team/app', someBytes(OCI_LAYER_GZIP));
    await metadata.database.read('UPDATE review SET due_at = now()');
    await untag(metadata, NODE, 'multi');
    await reviewAll(metadata);
    await purge();
    await metadata.runs.endCollection();
    const [run, ...others] = await runs();
    expect(others).toEqual([]);
    expect(run).toMatchObject({
      kind: 'collection',
      state: 'completed',
      removed: 2,
      condemned: 3,
      condemnedBytes: 2200,
      purged: 3,
      purgedBytes: 2200,
      errors: 0,
      kept: { tag: 1, pull: 1, pin: 1, manifest: 6 },
    });
    expect(addsUp(run!)).toBe(true);
    expect((await facts('started')).map(({ data }) => data)).toEqual([{ run: run!.id, kind: 'collection' }]);
    expect((await facts('ended')).map(({ data }) => data)).toMatchObject([
      { run: run!.id, seen: run!.seen, purged: 3 },
    ]);
  });

  it('is one for all who collect at once, and is open while something is due or on its way out', async () => {
    for (const tag of ['1', '2', '3', '4', '5', '6']) await fetchWhole(metadata, NODE, anImage(), { tag });
    for (const tag of ['1', '2', '3', '4', '5', '6']) await untag(metadata, NODE, tag);
    await Promise.all([1, 2, 3].map(() => metadata.reviews.reviewDue(2)));
    expect(await metadata.runs.endCollection()).toEqual({ ended: false, settled: false });
    await Promise.all([1, 2, 3].map(() => reviewAll(metadata)));
    const { objects } = await metadata.purges.claim(1000);
    expect(await metadata.runs.endCollection()).toMatchObject({ ended: false });
    await metadata.purges.forget(objects.map(({ object }) => object).slice(1), 1, 'the store said no');
    expect(await metadata.runs.endCollection()).toMatchObject({ ended: false });
    await metadata.purges.forget(objects.map(({ object }) => object));
    expect(await metadata.runs.endCollection()).toEqual({ ended: true, settled: true });
    const all = await runs();
    expect(all).toMatchObject([{ removed: 6, condemned: 18, purged: 18, errors: 1, lastError: 'the store said no' }]);
    expect(addsUp(all[0]!)).toBe(true);
  });

  it('begins when something is collected, and not before', async () => {
    await fetchWhole(metadata, NODE, anImage(), { tag: '1' });
    await metadata.database.read(`UPDATE review SET due_at = now() + interval '1 hour'`);
    await reviewAll(metadata);
    await purge();
    expect(await runs()).toEqual([]);
    expect(await metadata.runs.endCollection()).toEqual({ ended: false, settled: true });
  });

  it('paused, nothing goes on any replica; resumed, all of it does', async () => {
    await fetchWhole(metadata, NODE, anImage(), { tag: '1' });
    await fetchWhole(metadata, NODE, anImage(), { tag: '2' });
    await untag(metadata, NODE, '1');
    await reviewAll(metadata);
    await untag(metadata, NODE, '2');
    await metadata.runs.pause('kim');
    await metadata.runs.pause('lee');
    expect(await metadata.runs.readCleanup()).toMatchObject({
      paused: true,
      pausedBy: 'kim',
      due: 1,
      run: { removed: 1 },
    });
    expect(await reviewAll(metadata)).toEqual({ condemned: 0, removed: 0 });
    expect(await purge()).toEqual([]);
    await metadata.runs.resume('kim');
    await metadata.runs.resume('kim');
    expect(await reviewAll(metadata)).toEqual({ condemned: 3, removed: 1 });
    expect(await purge()).toHaveLength(6);
    expect(await metadata.runs.readCleanup()).toMatchObject({ paused: false, pausedAt: null, due: 0 });
    expect([await facts('paused'), await facts('resumed')].map((said) => said.length)).toEqual([1, 1]);
  });

  it('is listed with the newest first, page by page, and forgotten with operations', async () => {
    for (const tag of ['1', '2', '3']) {
      await fetchWhole(metadata, NODE, anImage(), { tag });
      await untag(metadata, NODE, tag);
      await reviewAll(metadata);
      await purge();
      await metadata.runs.endCollection();
    }
    const all = (await runs()).map(({ id }) => id);
    expect(all).toEqual([...all].sort().reverse());
    const first = await metadata.runs.list({ limit: 2 });
    const second = await metadata.runs.list({ limit: 2, after: first.next! });
    expect([...first.runs, ...second.runs].map(({ id }) => id)).toEqual(all);
    expect(await metadata.runs.list({ kind: 'prune', limit: 10 })).toEqual({ runs: [], next: null });
    expect(await metadata.runs.read(randomUUID())).toBeNull();
    await metadata.database.read(`UPDATE gc_run SET ended_at = now() - interval '31 days' WHERE id = $1`, [all[0]]);
    await metadata.ended.forget(100);
    expect((await runs()).map(({ id }) => id)).toEqual(all.slice(1));
  });
});
