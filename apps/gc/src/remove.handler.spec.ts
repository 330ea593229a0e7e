import { randomUUID } from 'node:crypto';
import { RemoveImage } from '#contracts/calls/images';
import { ClaimOperations, EndCancelled, FailOperation, RenewOperations } from '#contracts/calls/operations';
import { OperationAccepted } from '#contracts/facts';
import type { Bus } from '#messaging/bus';
import { internalFault, manifestUnknown, stale, timedOut, unavailable } from '#oci/registry-error';
import { FakeCalls } from '#testing/fake-calls';
import { MemoryBus } from '#testing/memory-bus';
import { waitUntil } from '#testing/wait-until';
import { RemoveHandler } from './remove.handler';

const operation = () => ({
  id: randomUUID(),
  epoch: 3,
  attempts: 1,
  principal: 'anonymous',
  kind: 'remove' as const,
  body: {},
});

describe('a remove', () => {
  const first = operation();
  const work = { id: first.id, epoch: first.epoch };
  let calls: FakeCalls;
  let bus: MemoryBus;
  let handler: RemoveHandler;
  let waiting: ReturnType<typeof operation>[];

  beforeEach(() => {
    waiting = [first];
    bus = new MemoryBus();
    calls = new FakeCalls()
      .on(ClaimOperations, ({ limit }) => ({ operations: waiting.splice(0, limit), nextInMs: null }))
      .on(RenewOperations, ({ operations }) => ({ renewed: operations.map(({ id }) => id), cancelled: [], lost: [] }))
      .on(RemoveImage, () => ({ removed: [], removedCount: 0, more: false }))
      .on(EndCancelled, () => ({}))
      .on(FailOperation, () => ({ ended: true }));
    handler = new RemoveHandler(calls, bus as unknown as Bus, {
      ENTREPOT_GC_SWEEP_MS: 86_400_000,
      ENTREPOT_GC_BATCH: 1,
      ENTREPOT_GC_PER_SECOND: 1_000_000,
    });
  });

  afterEach(() => handler.onModuleDestroy());

  /** One look, whole; gives what was asked after the claim. */
  async function look(): Promise<string[]> {
    handler.onApplicationBootstrap();
    await waitUntil('the look', () => calls.asked.length > 0);
    await handler.onModuleDestroy();
    return calls.asked.slice(1).map(({ name }) => name);
  }

  const refuse = (error: Error) =>
    calls.on(RemoveImage, () => {
      throw error;
    });

  it('is carried out by one command, and that ends it', async () => {
    expect(await look()).toEqual([RenewOperations.name, RemoveImage.name]);
    expect(calls.questions(RemoveImage)).toEqual([work]);
    expect(calls.questions(ClaimOperations)[0]).toMatchObject({ kinds: ['remove', 'container-prune'] });
  });

  it('that was called off ends cancelled, and removes nothing', async () => {
    calls.on(RenewOperations, () => ({ renewed: [], cancelled: [first.id], lost: [] }));
    expect(await look()).toEqual([RenewOperations.name, EndCancelled.name]);
    expect(calls.questions(EndCancelled)).toEqual([work]);
  });

  it.each([
    ['STALE', stale('the epoch has passed')],
    ['TIMEOUT', timedOut('metadata')],
  ])('whose end is unknown or not ours (%s) is left to its lease', async (_code, error) => {
    refuse(error);
    expect(await look()).toEqual([RenewOperations.name, RemoveImage.name]);
  });

  it.each([
    ['UNAVAILABLE', unavailable('Postgres'), true],
    ['INTERNAL', internalFault(), true],
    ['MANIFEST_UNKNOWN', manifestUnknown('team/app:1'), false],
  ])('that failed with %s says so; temporary or lasting', async (code, error, temporary) => {
    refuse(error);
    expect(await look()).toEqual([RenewOperations.name, RemoveImage.name, FailOperation.name]);
    expect(calls.questions(FailOperation)).toEqual([
      { ...work, error: expect.objectContaining({ code }), temporary, giveBack: false },
    ]);
  });

  it('that failed holds up no other', async () => {
    const second = operation();
    waiting.push(second);
    calls.on(RemoveImage, ({ id }) => {
      if (id === first.id) throw manifestUnknown('team/app:1');
      return { removed: [], removedCount: 0, more: false };
    });
    await look();
    expect(calls.questions(RemoveImage)).toEqual([work, { id: second.id, epoch: second.epoch }]);
    expect(calls.questions(FailOperation)).toHaveLength(1);
  });

  it('wakes by the fact that it was accepted, until the handler ends', async () => {
    waiting = [];
    handler.onApplicationBootstrap();
    await waitUntil('ClaimOperations', () => calls.questions(ClaimOperations).length === 1);
    waiting = [first];
    bus.publish(OperationAccepted.subject, {});
    await waitUntil('RemoveImage', () => calls.questions(RemoveImage).length === 1);
    await handler.onModuleDestroy();
    expect(bus.listening).toBe(0);
  });
});
