import { randomUUID } from 'node:crypto';
import { ANONYMOUS } from '#contracts/principal';
import { type Metadata, openMetadata } from '../metadata.testing';
import { OperationWorkStore } from '../operation/operation-work.store';
import { OutboxRowsStore } from '../outbox/outbox-rows.store';
import { endLeases } from './end-leases';

describe('the leases of the dead', () => {
  let metadata: Metadata;

  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_LEASE_MS: 3_600_000, ENTREPOT_QUIET_MS: 3_600_000 });
  });
  afterAll(() => metadata?.stop());

  test('end at once where nobody else can be alive', async () => {
    const { database, config } = metadata;
    const { operations } = metadata;
    const work = new OperationWorkStore(database, config);
    const outbox = new OutboxRowsStore(database);
    const body = { reference: 'alpine:3' };
    await operations.accept({ principal: ANONYMOUS, requestId: randomUUID(), kind: 'pull', body });
    const [claimed] = (await work.claim('dead', ['pull'], 1)).operations;
    await outbox.hold('dead', 3_600_000);
    expect((await work.claim('alive', ['pull'], 1)).operations).toEqual([]);
    expect(await outbox.hold('alive', 1_000)).toEqual([]);

    await endLeases(database);

    const [again] = (await work.claim('alive', ['pull'], 1)).operations;
    expect(again).toMatchObject({ id: claimed!.id, epoch: claimed!.epoch + 1 });
    expect(await outbox.hold('alive', 1_000)).toHaveLength(8);
  });
});
