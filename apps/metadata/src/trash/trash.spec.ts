import { randomUUID } from 'node:crypto';
import type { RemoveOutcome } from '#contracts/bodies/remove';
import type { RestoreOutcome } from '#contracts/bodies/restore';
import type { OperationKind } from '#contracts/operation';
import { ANONYMOUS, PrincipalSchema } from '#contracts/principal';
import { interleave } from '../database/two-at-once.testing';
import { RemoveImageHandler } from '../image/remove-image.handler';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  findBlob,
  type MadeManifest,
  type Metadata,
  openMetadata,
  purgeAll,
  repositoryName,
  reviewAll,
  untag,
} from '../metadata.testing';
import { OperationWorkStore } from '../operation/operation-work.store';

const NODE = 'docker.io/library/node';
const APP = repositoryName('team/app');
const HERE = 'localhost:5050/team/app';
const ALICE = PrincipalSchema.parse('a1ice');

describe('what was removed', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({
      ENTREPOT_REVIEW_DELAY_MS: 0,
      ENTREPOT_GRACE_MS: 0,
      ENTREPOT_KEEP_PULLED_MS: 0,
      ENTREPOT_PIN_MS: 1,
      ENTREPOT_PIN_WRITE_MS: 0,
    });
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());
  beforeEach(() =>
    metadata.database.read('TRUNCATE repository, manifest, blob, object, operation, review, trash, outbox CASCADE'),
  );
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });

  const rows = <Row>(text: string, params: unknown[] = []) => metadata.database.read<Row>(text, params);
  const ask = async (kind: OperationKind, body: Record<string, unknown>, by = ANONYMOUS, m = metadata) =>
    (await m.operations.accept({ principal: by, requestId: randomUUID(), kind, body })).operation;
  const tags = async () =>
    Object.fromEntries(
      (
        await rows<{ name: string; digest: string }>(
          `SELECT tag.name, digest FROM tag JOIN repository ON repository.id = repository_id WHERE repository.name = $1`,
          [APP],
        )
      ).map(({ name, digest }) => [name, digest]),
    );
  const trash = async (repository = APP) => (await metadata.trash.list({ repository, limit: 100 })).entries;
  const restore = (id: string, m = metadata) => ask('restore', { id }, ANONYMOUS, m);
  const passTime = () => rows(`UPDATE trash SET until = now() - interval '1 second'; UPDATE review SET due_at = now()`);

  async function remove(reference: string, more: object = {}, by = ANONYMOUS): Promise<RemoveOutcome> {
    const accepted = await ask('remove', { reference, ...more }, by);
    if (accepted.state === 'completed') return accepted.outcome as RemoveOutcome;
    const { database, config } = metadata;
    const { operations } = await new OperationWorkStore(database, config).claim('spec', ['remove'], 1);
    return new RemoveImageHandler(database, config).remove(operations[0]!);
  }

  /** An image of this installation under these names; its upstream's names are gone. */
  async function ours(image: MadeManifest, ...names: string[]): Promise<MadeManifest> {
    await fetchWhole(metadata, NODE, image, { tag: 'once' });
    for (const name of names) await ask('tag', { source: `node@${image.digest}`, target: `${HERE}:${name}` });
    await untag(metadata, NODE, 'once');
    await reviewAll(metadata);
    return image;
  }

  const isWhole = async ({ blobs }: MadeManifest) =>
    (await Promise.all(blobs.map(({ digest }) => findBlob(metadata, APP, digest)))).every(Boolean);

  it('is listed until its window ends: what, when, by whom, until when', async () => {
    const image = await ours(anImage(), '1', '2');
    await remove(`${HERE}:1`, {}, ALICE);
    await remove(`${HERE}:2`);
    const [second, first] = await trash();
    expect(first).toEqual({
      id: expect.any(String),
      repository: APP,
      digest: image.digest,
      tags: ['1'],
      tagCount: 1,
      whole: false,
      removedAt: expect.any(String),
      removedBy: ALICE,
      operation: expect.any(String),
      until: expect.any(String),
    });
    expect(Date.parse(first!.until) - Date.parse(first!.removedAt)).toBe(metadata.config.ENTREPOT_UNDO_MS);
    expect(second).toMatchObject({ tags: ['2'], whole: true, removedBy: ANONYMOUS });
    await passTime();
    expect(await trash()).toEqual([]);
  });

  it('comes in pages, each entry once, of one repository or of all', async () => {
    for (const name of ['1', '2', '3', '4', '5']) {
      await ours(anImage(), name);
      await remove(`${HERE}:${name}`);
    }
    await rows(`UPDATE trash SET until = (SELECT max(until) FROM trash) WHERE tags && '{2,3,4}'`);
    for (const filter of [{}, { repository: APP }]) {
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await metadata.trash.list({ ...filter, limit: 2, ...(after === undefined ? {} : { after }) });
        seen.push(...page.entries.map((entry) => entry.id));
        if (page.next === null) break;
        after = page.next;
      }
      expect(new Set(seen).size).toBe(5);
      expect(seen).toHaveLength(5);
    }
    expect(await trash(repositoryName('team/other'))).toEqual([]);
    await expect(metadata.trash.list({ after: randomUUID(), limit: 1 })).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('comes back with identical digests and tags, whole, and nothing of it was purged meanwhile', async () => {
    const [child, sparse] = [anImage(), anImage()];
    const index = anIndex([child, sparse]);
    await fetchManifest(metadata, NODE, index, { tag: 'once' });
    await fetchWhole(metadata, NODE, child);
    for (const name of ['1', 'latest']) await ask('tag', { source: 'node:once', target: `${HERE}:${name}` });
    await untag(metadata, NODE, 'once');
    const before = await tags();
    const { removed } = await remove(`${HERE}@${index.digest}`);
    expect(removed).toHaveLength(3);
    expect(await tags()).toEqual({});
    await reviewAll(metadata);
    expect(await purgeAll(metadata)).toEqual([]);
    const [entry] = await trash();
    const operation = await restore(entry!.id);
    expect(operation).toMatchObject({
      state: 'completed',
      outcome: { id: entry!.id, repository: APP, digest: index.digest, tags: ['1', 'latest'], tagCount: 2 },
    });
    expect(await tags()).toEqual(before);
    await passTime();
    await reviewAll(metadata);
    expect(await purgeAll(metadata)).toEqual([]);
    expect(await isWhole(child)).toBe(true);
    expect(await trash()).toEqual([]);
    expect(await rows(`SELECT FROM repository_manifest WHERE removed_at IS NOT NULL OR detached`)).toEqual([]);
    const moves = await rows(`SELECT to_digest AS to, operation_id AS by FROM tag_move ORDER BY id DESC LIMIT 1`);
    expect(moves).toEqual([{ to: index.digest, by: operation.id }]);
  });

  it('says what happened, with its names', async () => {
    const image = await ours(anImage(), '1');
    await rows('TRUNCATE outbox');
    await remove(`${HERE}:1`);
    const [entry] = await trash();
    await restore(entry!.id);
    const about = { repository: APP, digest: image.digest, trash: entry!.id, tags: ['1'], tagCount: 1 };
    const facts = await rows<{ subject: string; data: object }>(
      `SELECT subject, message -> 'data' AS data FROM outbox WHERE subject ~ 'image|tag' ORDER BY id`,
    );
    expect(facts).toEqual([
      { subject: 'entrepot.fact.tag.removed', data: { repository: APP, tag: '1', from: image.digest } },
      { subject: 'entrepot.fact.image.trashed', data: { ...about, until: entry!.until } },
      { subject: 'entrepot.fact.tag.moved', data: { repository: APP, tag: '1', from: null, to: image.digest } },
      { subject: 'entrepot.fact.image.restored', data: about },
    ]);
  });

  it('goes for good when its window ends, with all its bytes', async () => {
    const image = await ours(anImage(), '1');
    await remove(`${HERE}:1`);
    const [entry] = await trash();
    await passTime();
    await expect(restore(entry!.id)).rejects.toMatchObject({ code: 'GONE', message: expect.stringMatching(/until/) });
    await reviewAll(metadata);
    expect(await purgeAll(metadata)).toHaveLength(image.blobs.length);
    await expect(restore(entry!.id)).rejects.toMatchObject({
      code: 'GONE',
      message: expect.stringMatching(/for good/),
    });
    expect(await rows('SELECT FROM repository_manifest')).toEqual([]);
  });

  it('comes back for as long as metadata was away longer, and stays and is listed as long', async () => {
    const image = await ours(anImage(), '1');
    await remove(`${HERE}:1`);
    await rows(`UPDATE trash SET until = now() - interval '1 hour', removed_at = now() - interval '2 hours';
      UPDATE review SET due_at = now();
      INSERT INTO absence (began_at, ended_at) VALUES (now() - interval '110 minutes', now() - interval '1 second')`);
    await reviewAll(metadata);
    expect(await isWhole(image)).toBe(true);
    const [entry] = await trash();
    expect(Date.parse(entry!.until) - Date.now()).toBeGreaterThan(45 * 60_000);
    await rows(`UPDATE absence SET ended_at = began_at + interval '59 minutes'`);
    expect(await trash()).toEqual([]);
    await expect(restore(entry!.id)).rejects.toMatchObject({ code: 'GONE' });
    await rows(`UPDATE absence SET ended_at = began_at + interval '61 minutes'`);
    await restore(entry!.id);
    expect(await tags()).toEqual({ 1: image.digest });
    await rows('TRUNCATE absence');
  });

  it('does not come back twice', async () => {
    await ours(anImage(), '1');
    await remove(`${HERE}:1`);
    const [entry] = await trash();
    await restore(entry!.id);
    await expect(restore(entry!.id)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(/already/),
    });
    await remove(`${HERE}:1`);
    await expect(restore(entry!.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    const [again] = await trash();
    await restore(again!.id);
    expect(Object.keys(await tags())).toEqual(['1']);
  });

  it('asked twice under one id it comes back once, and the second is told the same', async () => {
    await ours(anImage(), '1');
    await remove(`${HERE}:1`);
    const [entry] = await trash();
    const asked = { principal: ANONYMOUS, requestId: 'once', kind: 'restore' as const, body: { id: entry!.id } };
    const first = await metadata.operations.accept(asked);
    const second = await metadata.operations.accept(asked);
    expect(second).toMatchObject({ created: false, operation: { id: first.operation.id, state: 'completed' } });
  });

  it('never over a newer name: nothing comes back, and what is in the way is named', async () => {
    const [old, newer] = [await ours(anImage(), '1', '2', '3'), await ours(anImage(), 'other')];
    await remove(`${HERE}@${old.digest}`);
    await ask('tag', { source: `${HERE}:other`, target: `${HERE}:2` });
    const [entry] = await trash();
    await expect(restore(entry!.id)).rejects.toMatchObject({
      code: 'CONFLICT',
      detail: { taken: [{ tag: '2', digest: newer.digest }], takenCount: 1 },
    });
    expect(await tags()).toEqual({ other: newer.digest, 2: newer.digest });
    expect(await trash()).toHaveLength(1);
    await ask('untag', { reference: `${HERE}:2` });
    await restore(entry!.id);
    expect(await tags()).toEqual({ other: newer.digest, 1: old.digest, 2: old.digest, 3: old.digest });
  });

  it('a tag that names it again already is in nobody’s way', async () => {
    const image = await ours(anImage(), '1', '2');
    await remove(`${HERE}@${image.digest}`);
    await ask('tag', { source: `${HERE}@${image.digest}`, target: `${HERE}:2` });
    const [entry] = await trash();
    await restore(entry!.id);
    expect(await tags()).toEqual({ 1: image.digest, 2: image.digest });
  });

  it('an image without a tag comes back without one, and lives by its last use', async () => {
    const image = await ours(anImage(), '1');
    await ask('untag', { reference: `${HERE}:1` });
    await remove(`${HERE}@${image.digest}`);
    const [entry] = await trash();
    expect(entry).toMatchObject({ tags: [], whole: true });
    await rows("UPDATE repository_manifest SET committed_at = now() - interval '1 year'");
    const { outcome } = await restore(entry!.id);
    expect(outcome as RestoreOutcome).toMatchObject({ tags: [] });
    const { config } = metadata;
    const used = await rows(
      `SELECT FROM repository_manifest JOIN pull_count USING (repository_id, digest)
        WHERE digest = $1 AND removed_at IS NULL AND pulled_at > now() - interval '1 minute'`,
      [image.digest],
    );
    expect([used.length, config.ENTREPOT_KEEP_PULLED_MS]).toEqual([1, 0]);
  });

  it.each([
    ['no id of an entry', randomUUID(), 'NOT_FOUND', undefined],
    ['no id at all', 'yesterday', 'INVALID', 'id'],
    ['a digest', `sha256:${'a'.repeat(64)}`, 'INVALID', 'id'],
  ])('%s is refused', async (_what, id, code, field) => {
    const refused = { code, ...(field === undefined ? {} : { detail: { field } }) };
    await expect(restore(id)).rejects.toMatchObject(
      field === undefined ? { code } : { ...refused, detail: expect.objectContaining({ field }) },
    );
  });

  it('what is removed for good meanwhile is not to be had back, and what was told of it stays told', async () => {
    await ours(anImage(), '1', '2');
    await remove(`${HERE}:1`);
    const [entry] = await trash();
    await rows(`UPDATE trash SET until = now() - interval '31 days'`);
    await metadata.ended.forget(100);
    await expect(restore(entry!.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('what is not ours, and can be pulled again, leaves nothing behind', async () => {
    await fetchWhole(metadata, NODE, anImage(), { tag: '20' });
    await remove('node:20');
    expect((await metadata.trash.list({ limit: 10 })).entries).toEqual([]);
  });

  describe('two at once', () => {
    const aRemoved = async () => {
      const image = await ours(anImage(), '1');
      await remove(`${HERE}:1`);
      return { image, id: (await trash())[0]!.id };
    };

    it('have one thing back: one does', async () => {
      const { id } = await aRemoved();
      const [one, two] = await interleave(
        metadata,
        'metadata.accept-operation',
        (m) => restore(id, m),
        () => restore(id),
      );
      expect([one, two]).toMatchObject([{ state: 'completed' }, { code: 'CONFLICT' }]);
    });

    it('one has it back and one gives its tag away: the first of them does', async () => {
      const { id } = await aRemoved();
      const other = await ours(anImage(), 'other');
      const give = (m = metadata) => ask('tag', { source: `${HERE}:other`, target: `${HERE}:1` }, ANONYMOUS, m);
      const ended = await interleave(
        metadata,
        'metadata.accept-operation',
        (m) => give(m),
        () => restore(id),
      );
      expect(ended).toMatchObject([{ state: 'completed' }, { code: 'CONFLICT' }]);
      expect((await tags())['1']).toBe(other.digest);
    });

    it('one has it back as its window ends and it is reviewed: it is whole or gone', async () => {
      const { id, image } = await aRemoved();
      const review = (m: Metadata) => m.reviews.reviewDue(10);
      await rows('UPDATE review SET due_at = now()');
      const [back] = await interleave(
        metadata,
        'metadata.accept-operation',
        (m) => restore(id, m),
        () => review(metadata),
      );
      expect(back).toMatchObject({ state: 'completed' });
      await reviewAll(metadata);
      expect([await tags(), await isWhole(image)]).toEqual([{ 1: image.digest }, true]);

      await remove(`${HERE}:1`);
      const [entry] = await trash();
      await passTime();
      const [, gone] = await interleave(metadata, 'metadata.review-manifest', review, () => restore(entry!.id));
      expect(gone).toMatchObject({ code: 'GONE' });
      expect(await tags()).toEqual({});
    });
  });
});
