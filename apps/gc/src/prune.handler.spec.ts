import { randomUUID } from 'node:crypto';
import { ClaimOperations, EndCancelled, FailOperation, RenewOperations } from '#contracts/calls/operations';
import { PruneImages } from '#contracts/calls/plans';
import { ReadCleanup } from '#contracts/calls/runs';
import { GcResumed, OperationAccepted } from '#contracts/facts';
import type { Bus } from '#messaging/bus';
import { conflict, stale, timedOut, unavailable } from '#oci/registry-error';
import { FakeCalls } from '#testing/fake-calls';
import { MemoryBus } from '#testing/memory-bus';
import { waitUntil } from '#testing/wait-until';
import { PruneHandler } from './prune.handler';

const CLEANUP = { paused: false, pausedAt: null, pausedBy: null, due: 0, run: null };
const SOME = { ended: false, paused: false, removed: 2, left: 0, retryAfterMs: null };

describe('a prune', () => {
  const operation = {
    id: randomUUID(),
    epoch: 2,
    attempts: 1,
    principal: 'anonymous',
    kind: 'prune' as const,
    body: {},
  };
  const claim = { id: operation.id, epoch: operation.epoch };
  let calls: FakeCalls;
  let bus: MemoryBus;
  let handler: PruneHandler;
  let waiting: (typeof operation)[];
  let batches: (Omit<typeof SOME, 'retryAfterMs'> & { retryAfterMs: number | null })[];

  const begin = (perSecond = 1_000_000) => {
    handler = new PruneHandler(calls, bus as unknown as Bus, {
      ENTREPOT_GC_SWEEP_MS: 86_400_000,
      ENTREPOT_GC_BATCH: 1,
      ENTREPOT_GC_PER_SECOND: perSecond,
    });
    handler.onApplicationBootstrap();
  };
  beforeEach(() => {
    waiting = [operation];
    batches = [SOME, SOME, { ...SOME, ended: true }];
    bus = new MemoryBus();
    calls = new FakeCalls()
      .on(ReadCleanup, () => CLEANUP)
      .on(ClaimOperations, ({ limit }) => ({ operations: waiting.splice(0, limit), nextInMs: null }))
      .on(RenewOperations, ({ operations }) => ({ renewed: operations.map(({ id }) => id), cancelled: [], lost: [] }))
      .on(PruneImages, () => batches.shift() ?? { ...SOME, ended: true })
      .on(EndCancelled, () => ({}))
      .on(FailOperation, () => ({ ended: true }));
  });
  afterEach(() => handler.onModuleDestroy());

  const looks = (count: number) => waitUntil('the look', () => calls.questions(ClaimOperations).length >= count);

  it('is done batch by batch, and its lease renewed before each', async () => {
    begin();
    await looks(2);
    const names = calls.asked.map(({ name }) => name);
    expect(names.filter((name) => name === PruneImages.name)).toHaveLength(3);
    expect(names.slice(2, 8)).toEqual(Array(3).fill([RenewOperations.name, PruneImages.name]).flat());
    expect(calls.questions(FailOperation)).toEqual([]);
  });

  it('that is called off between two batches goes no further', async () => {
    calls.on(RenewOperations, ({ operations }) => {
      const done = calls.questions(PruneImages).length > 0;
      const ids = operations.map(({ id }) => id);
      return { renewed: done ? [] : ids, cancelled: done ? ids : [], lost: [] };
    });
    begin();
    await looks(2);
    expect(calls.questions(PruneImages)).toHaveLength(1);
    expect(calls.questions(EndCancelled)).toEqual([claim]);
  });

  it('whose lease was lost is left to whoever has it', async () => {
    calls.on(RenewOperations, ({ operations }) => ({
      renewed: [],
      cancelled: [],
      lost: operations.map(({ id }) => id),
    }));
    begin();
    await looks(2);
    expect(calls.questions(PruneImages)).toEqual([]);
    expect(calls.questions(FailOperation)).toEqual([]);
  });

  it('is not taken up while cleanup is paused, and is when it is resumed', async () => {
    calls.on(ReadCleanup, () => ({ ...CLEANUP, paused: true }));
    begin();
    await waitUntil('ReadCleanup', () => calls.questions(ReadCleanup).length === 1);
    calls.on(ReadCleanup, () => CLEANUP);
    bus.publish(GcResumed.subject, {});
    await looks(2);
    expect(calls.questions(PruneImages)).toHaveLength(3);
  });

  it('is given back when cleanup is paused meanwhile, and that is no attempt that failed', async () => {
    batches = [SOME, { ...SOME, paused: true }];
    begin();
    await waitUntil('FailOperation', () => calls.questions(FailOperation).length === 1);
    expect(calls.questions(FailOperation)).toMatchObject([{ ...claim, temporary: true, giveBack: true }]);
  });

  it('is given back until it is quiet no more after an absence', async () => {
    batches = [{ ...SOME, paused: true, retryAfterMs: 60_000 }];
    begin();
    await waitUntil('FailOperation', () => calls.questions(FailOperation).length === 1);
    expect(calls.questions(FailOperation)).toMatchObject([{ ...claim, giveBack: true, retryAfterMs: 60_000 }]);
  });

  it('is given back where this process ends between two batches', async () => {
    begin(1);
    await waitUntil('the first batch', () => calls.questions(PruneImages).length === 1);
    await handler.onModuleDestroy();
    expect(calls.questions(PruneImages)).toHaveLength(1);
    expect(calls.questions(FailOperation)).toMatchObject([{ ...claim, giveBack: true }]);
    expect(bus.listening).toBe(0);
  });

  it.each([
    ['UNAVAILABLE', unavailable('Postgres'), [{ temporary: true }]],
    ['CONFLICT', conflict('no plan'), [{ temporary: false }]],
    ['STALE', stale('the epoch has passed'), []],
    ['TIMEOUT', timedOut('metadata'), []],
  ])('that failed with %s says so, or leaves it to its lease', async (_code, error, said) => {
    calls.on(PruneImages, () => {
      throw error;
    });
    begin();
    await looks(2);
    expect(calls.questions(FailOperation)).toMatchObject(said);
  });

  it('is woken by the fact that it was accepted', async () => {
    waiting = [];
    begin();
    await looks(1);
    waiting = [operation];
    bus.publish(OperationAccepted.subject, {});
    await waitUntil('PruneImages', () => calls.questions(PruneImages).length > 0);
  });
});
