import { randomUUID } from 'node:crypto';
import { ANONYMOUS } from '#contracts/principal';
import { anImage, fetchManifest, fetchWhole, type Metadata, openMetadata, reviewAll, untag } from '../metadata.testing';
import type { OperationStore } from '../operation/operation.store';
import { OperationWorkStore } from '../operation/operation-work.store';

const NODE = 'docker.io/library/node';

/** Times are moved by writing rows, never by waiting. */
describe('what has had its time', () => {
  let metadata: Metadata;
  let operations: OperationStore;
  let work: OperationWorkStore;

  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_REVIEW_DELAY_MS: 0 });
    await metadata.presence.beat();
    const { database, config } = metadata;
    operations = metadata.operations;
    work = new OperationWorkStore(database, config);
  });
  beforeEach(() => run('TRUNCATE operation, trash, absence, lease CASCADE'));
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });
  afterAll(() => metadata?.stop());

  const run = <Row>(text: string, params: unknown[] = []) => metadata.database.read<Row>(text, params);
  const accept = async (requestId: string = randomUUID()) =>
    operations.accept({ principal: ANONYMOUS, requestId, kind: 'pull', body: { reference: 'alpine:3' } });
  const claim = async () => (await work.claim('spec', ['pull'], 1)).operations[0]!;
  const fail = (operation: { id: string; epoch: number }) =>
    work.fail(operation, { error: { code: 'UPSTREAM', message: 'no' }, temporary: false, giveBack: false });
  const age = (interval: string) =>
    run(`UPDATE operation SET ended_at = now() - $1::interval WHERE ended_at < now()`, [interval]);
  const ids = async () => (await run<{ id: string }>('SELECT id FROM operation')).map(({ id }) => id);

  it('goes: an operation that ended longer ago than it is kept, with what it touched, and no other', async () => {
    const [old, young, waiting] = [await accept(), await accept(), await accept()];
    const claimed = await claim();
    expect(claimed.id).toBe(old.operation.id);
    await fetchManifest(metadata, NODE, anImage(), { operation: claimed });
    await fail(claimed);
    await age('31 days');
    await fail(await claim());
    await run(`UPDATE operation SET ended_at = now() - interval '29 days' WHERE id = $1`, [young.operation.id]);
    expect(await metadata.ended.forget(100)).toEqual({ operations: 1, rows: 0, more: false });
    expect((await ids()).sort()).toEqual([young.operation.id, waiting.operation.id].sort());
    expect(await run('SELECT 1 FROM operation_manifest')).toEqual([]);
  });

  it('goes by batches, those first that ended first', async () => {
    for (let n = 0; n < 5; n++) {
      await accept();
      await fail(await claim());
    }
    const all = await run<{ id: string }>(
      `UPDATE operation SET ended_at = ended_at - interval '40 days' RETURNING id, ended_at`,
    );
    expect(all).toHaveLength(5);
    const order = (await run<{ id: string }>('SELECT id FROM operation ORDER BY ended_at')).map(({ id }) => id);
    expect(await metadata.ended.forget(2)).toEqual({ operations: 2, rows: 0, more: true });
    expect((await ids()).sort()).toEqual(order.slice(2).sort());
    expect(await metadata.ended.forget(2)).toMatchObject({ operations: 2, more: true });
    expect(await metadata.ended.forget(2)).toEqual({ operations: 1, rows: 0, more: false });
  });

  it('keeps nothing from its end on, and leaves a review of what it kept', async () => {
    const image = anImage();
    await accept();
    const claimed = await claim();
    await fetchWhole(metadata, NODE, image, { operation: claimed });
    await run(`UPDATE repository_manifest SET removed_at = now() WHERE digest = $1`, [image.digest]);
    await run('UPDATE review SET due_at = now()');
    expect(await reviewAll(metadata)).toEqual({ condemned: 0, removed: 0 });
    await fail(claimed);
    expect(await operations.read(ANONYMOUS, claimed.id)).toMatchObject({ bytesDone: 2200, bytesTotal: 2200 });
    expect(await reviewAll(metadata)).toEqual({ condemned: 3, removed: 1 });
  });

  it('is why a request is the same one for as long as its operation is kept, and a new one after', async () => {
    const first = await accept('again');
    await fail(await claim());
    await metadata.ended.forget(100);
    expect(await accept('again')).toMatchObject({ created: false, operation: { id: first.operation.id } });
    await age('31 days');
    await metadata.ended.forget(100);
    const second = await accept('again');
    expect(second.created).toBe(true);
    expect(second.operation.id).not.toBe(first.operation.id);
  });

  it('goes: a lease of a reader that died, once no read can be as long', async () => {
    await fetchWhole(metadata, NODE, anImage(), { tag: 'read' });
    const lease = (until: string) =>
      run(
        `INSERT INTO lease (object_id, holder, until) SELECT id, gen_random_uuid(), now() - $1::interval FROM object LIMIT 1`,
        [until],
      );
    await lease('7 hours');
    await lease('5 hours');
    await lease('-1 minute');
    expect(await metadata.ended.forget(100)).toEqual({ operations: 0, rows: 1, more: false });
    expect(await run('SELECT 1 FROM lease')).toHaveLength(2);
  });

  it('goes: an undo window of an image that outlived it', async () => {
    await fetchWhole(metadata, NODE, anImage(), { tag: 'back' });
    const remove = (until: string) =>
      run(
        `INSERT INTO trash (id, repository_id, digest, until)
          SELECT gen_random_uuid(), repository_id, digest, now() + $1::interval FROM tag WHERE name = 'back'`,
        [until],
      );
    await remove('-31 days');
    await remove('-1 second');
    expect(await metadata.ended.forget(100)).toMatchObject({ rows: 1 });
    expect(await run('SELECT 1 FROM trash')).toHaveLength(1);
  });

  it('goes: an absence that no age reaches back to, and none that one does', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: 'away' });
    // Away for 21 days since the 50th before now: 29 days and a half of use since half a day before that.
    await run(`INSERT INTO absence VALUES
      (now() - interval '80 days', now() - interval '79 days'),
      (now() - interval '46 days', now() - interval '45 days'),
      (now() - interval '40 days', now() - interval '20 days')`);
    expect(await metadata.ended.forget(100)).toMatchObject({ rows: 1 });
    expect(await run('SELECT 1 FROM absence')).toHaveLength(2);
    await untag(metadata, NODE, 'away');
    const used = (daysAgo: number) =>
      run(
        `UPDATE repository_manifest SET removed_at = NULL, committed_at = now() - $2 * interval '1 day' WHERE digest = $1`,
        [image.digest, daysAgo],
      );
    await used(50.5);
    await run('UPDATE review SET due_at = now()');
    expect(await reviewAll(metadata)).toEqual({ condemned: 0, removed: 0 });
    await used(51.5);
    await run('UPDATE review SET due_at = now()');
    expect(await reviewAll(metadata)).toMatchObject({ removed: 1 });
  });
});
