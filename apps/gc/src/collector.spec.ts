import { randomUUID } from 'node:crypto';
import { PurgeObject } from '#contracts/calls/blobs';
import { ClaimPurges, ForgetEnded, ForgetObjects, ReviewDue } from '#contracts/calls/collection';
import { EndCollection } from '#contracts/calls/runs';
import { BlobCondemned, ContainerRemoved, ManifestRemoved, TagRemoved } from '#contracts/facts';
import type { Bus } from '#messaging/bus';
import { unavailable } from '#oci/registry-error';
import { FakeCalls } from '#testing/fake-calls';
import { MemoryBus } from '#testing/memory-bus';
import { waitUntil } from '#testing/wait-until';
import { Collector } from './collector';

const [ONE, OTHER] = [randomUUID(), randomUUID()];
const DAY_MS = 86_400_000;
const FORGOTTEN = { operations: 0, rows: 0, more: false };
const REVIEWED = { reviewed: 0, condemned: 0, removed: 0, postponed: 0, nextInMs: null };

describe('the collector', () => {
  let calls: FakeCalls;
  let bus: MemoryBus;
  let collector: Collector;
  /** What the next looks find. */
  let due: string[][];

  function begin(batch = 200, sweepMs = DAY_MS): void {
    collector = new Collector(calls, bus as unknown as Bus, {
      ENTREPOT_GC_SWEEP_MS: sweepMs,
      ENTREPOT_GC_BATCH: batch,
      ENTREPOT_GC_PER_SECOND: 1_000_000,
    });
    collector.onApplicationBootstrap();
  }

  beforeEach(() => {
    due = [];
    bus = new MemoryBus();
    calls = new FakeCalls()
      .on(ReviewDue, () => REVIEWED)
      .on(ClaimPurges, () => ({ objects: (due.shift() ?? []).map((object) => ({ object, bytes: 1 })), nextInMs: null }))
      .on(PurgeObject, () => ({}))
      .on(ForgetObjects, ({ objects }) => ({ forgotten: objects.length }))
      .on(EndCollection, () => ({ ended: true, settled: true }))
      .on(ForgetEnded, () => FORGOTTEN);
  });

  afterEach(() => collector.onModuleDestroy());

  const names = () => calls.asked.map(({ name }) => name);
  const looks = () => calls.questions(ClaimPurges).length;

  it('reviews, claims, purges, and forgets only then', async () => {
    due = [[ONE, OTHER]];
    begin();
    await waitUntil('ForgetEnded', () => calls.questions(ForgetEnded).length === 1);
    await waitUntil('EndCollection', () => calls.questions(EndCollection).length === 1);
    const round = [ReviewDue, ClaimPurges, PurgeObject, PurgeObject, ForgetObjects, ForgetEnded, EndCollection];
    expect(names()).toEqual(round.map(({ name }) => name));
    expect(calls.questions(PurgeObject)).toEqual([{ object: ONE }, { object: OTHER }]);
    expect(calls.questions(ForgetObjects)).toEqual([{ objects: [ONE, OTHER], failed: 0, lastError: null }]);
  });

  it('an object whose bytes would not go keeps its tombstone, and holds up no other', async () => {
    due = [[ONE, OTHER]];
    calls.on(PurgeObject, ({ object }) => {
      if (object === ONE) throw unavailable('the store');
      return {};
    });
    begin();
    await waitUntil('ForgetObjects', () => calls.questions(ForgetObjects).length === 1);
    expect(calls.questions(ForgetObjects)).toMatchObject([
      { objects: [OTHER], failed: 1, lastError: expect.stringContaining('the store') },
    ]);
  });

  it('forgets nothing where nothing went', async () => {
    due = [[ONE]];
    calls.on(PurgeObject, () => {
      throw unavailable('the store');
    });
    begin();
    await waitUntil('PurgeObject', () => calls.questions(PurgeObject).length === 1);
    bus.publish(TagRemoved.subject, {});
    await waitUntil('the look', () => looks() === 2);
    expect(calls.questions(ForgetObjects)).toMatchObject([{ objects: [], failed: 1 }]);
  });

  it('purges nothing that was not claimed: a review alone deletes no bytes', async () => {
    calls.on(ReviewDue, () => ({ ...REVIEWED, reviewed: 3, condemned: 3 }));
    begin();
    await waitUntil('the look', () => looks() === 1);
    await collector.onModuleDestroy();
    expect(names()).toEqual([ReviewDue.name, ClaimPurges.name, ForgetEnded.name, EndCollection.name]);
  });

  it('looks again at once while it finds as much as it takes', async () => {
    due = [[ONE], [OTHER], []];
    begin(1);
    await waitUntil('the look', () => looks() === 3);
    expect(calls.questions(ForgetObjects)).toMatchObject([{ objects: [ONE] }, { objects: [OTHER] }]);
  });

  it('has what ended forgotten until a batch comes back short', async () => {
    const batches = [true, true, false];
    calls.on(ForgetEnded, () => ({ operations: 200, rows: 0, more: batches.shift() ?? false }));
    begin();
    await waitUntil('ForgetEnded', () => calls.questions(ForgetEnded).length === 3);
    expect(calls.questions(ForgetEnded)).toEqual([{ limit: 200 }, { limit: 200 }, { limit: 200 }]);
  });

  it('looks again when the soonest of what it heard of is due', async () => {
    calls.on(ReviewDue, () => ({ ...REVIEWED, nextInMs: 10 }));
    begin();
    await waitUntil('the look', () => looks() >= 3);
  });

  it('goes on after a look that failed', async () => {
    calls.on(ReviewDue, () => {
      throw unavailable('metadata');
    });
    begin(200, 10);
    await waitUntil('ReviewDue', () => calls.questions(ReviewDue).length >= 2);
    expect(looks()).toBe(0);
    calls.on(ReviewDue, () => REVIEWED);
    await waitUntil('the look', () => looks() > 0);
  });

  it.each([TagRemoved, ContainerRemoved, ManifestRemoved, BlobCondemned])(
    'is woken by $subject, until it ends',
    async ({ subject }) => {
      begin();
      await waitUntil('the look', () => looks() === 1);
      bus.publish(subject, {});
      await waitUntil('the look', () => looks() === 2);
      await collector.onModuleDestroy();
      expect(bus.listening).toBe(0);
    },
  );
});
