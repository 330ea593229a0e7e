import { randomUUID } from 'node:crypto';
import type { OperationKind } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import { interleave } from '../database/two-at-once.testing';
import {
  anImage,
  fetchWhole,
  type MadeManifest,
  type Metadata,
  openMetadata,
  purgeAll,
  repositoryName,
  reviewAll,
  untag,
} from '../metadata.testing';
import { knownRepository } from '../names/repository.store';

const NODE = repositoryName('docker.io/library/node');
const SETTINGS = {
  ENTREPOT_REVIEW_DELAY_MS: 0,
  ENTREPOT_GRACE_MS: 0,
  ENTREPOT_KEEP_PULLED_MS: 0,
  ENTREPOT_PIN_MS: 1,
  ENTREPOT_PIN_WRITE_MS: 0,
};

/** On real Postgres: the first transaction has done all but its commit when the second one comes. */
describe('two at once', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata(SETTINGS);
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());
  beforeEach(() =>
    metadata.database.read('TRUNCATE repository, manifest, blob, object, operation, review, outbox, reporter CASCADE'),
  );
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });

  const ask = async (on: Metadata, kind: OperationKind, body: object) =>
    (await on.operations.accept({ principal: ANONYMOUS, requestId: randomUUID(), kind, body: { ...body } })).operation;
  const create = (on: Metadata, more: object = {}) => ask(on, 'container-create', { image: 'node:20', ...more });
  const list = async () => (await metadata.containers.list({ labels: [], limit: 100 })).containers;
  const aFetched = async (tag = '20') => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag });
    return image;
  };
  const isVisible = async ({ digest }: MadeManifest) => (await metadata.manifests.read(NODE, digest)) !== undefined;

  describe('a container is made of an image that is removed', () => {
    const remove = (on: Metadata) => ask(on, 'remove', { reference: 'node:20' });

    it('the container first: the remove is told of it', async () => {
      const image = await aFetched();
      const [made, removed] = await interleave(
        metadata,
        'metadata.accept-operation',
        (paused) => create(paused, { name: 'web' }),
        () => remove(metadata),
      );
      expect(made).toMatchObject({ state: 'completed', outcome: { digest: image.digest } });
      expect(removed).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('web') });
    });

    it('the remove first: by its name the image is pulled again, never taken as it was found before', async () => {
      await aFetched();
      const [removed, made] = await interleave(metadata, 'metadata.accept-operation', remove, () => create(metadata));
      expect(removed).toMatchObject({ outcome: { removedCount: 2 } });
      expect(made).toMatchObject({ state: 'accepted', outcome: null });
      expect(await list()).toEqual([]);
    });

    it('the remove first: by its id it is found no more', async () => {
      const { digest } = await aFetched();
      const [, made] = await interleave(metadata, 'metadata.accept-operation', remove, () =>
        create(metadata, { image: digest }),
      );
      expect(made).toMatchObject({ code: 'NOT_FOUND' });
    });
  });

  describe('a container is made of an image that nothing else keeps, and that is reviewed', () => {
    /** Untagged a moment ago; its id still finds it. */
    async function untagged() {
      const image = await aFetched();
      await untag(metadata, NODE, '20');
      const repositoryId = await knownRepository(
        { query: (text, params) => metadata.database.read(text, params) },
        NODE,
      );
      await metadata.database.read('UPDATE repository_manifest SET removed_at = NULL');
      await metadata.database.read(`UPDATE repository_manifest SET committed_at = now() - interval '1 hour'`);
      return { image, review: (on: Metadata) => on.manifestReviews.review(repositoryId, image.digest) };
    }

    it('the container first: it stays, with all its bytes', async () => {
      const { image, review } = await untagged();
      const [made, verdict] = await interleave(
        metadata,
        'metadata.accept-operation',
        (paused) => create(paused, { image: image.digest }),
        () => review(metadata),
      );
      expect(made).toMatchObject({ state: 'completed' });
      expect(verdict).toBe('kept');
      await reviewAll(metadata);
      expect(await purgeAll(metadata)).toEqual([]);
      expect(await isVisible(image)).toBe(true);
    });

    it('the review first: it is gone, and nobody is told that a container has it', async () => {
      const { image, review } = await untagged();
      const [verdict, made] = await interleave(
        metadata,
        'metadata.review-manifest',
        (paused) => review(paused),
        () => create(metadata, { image: image.digest }),
      );
      expect(verdict).toBe('removed');
      expect(made).toMatchObject({ code: 'NOT_FOUND' });
      await reviewAll(metadata);
    });

    it('the same of one that is reported: it is unknown, and kept if it came first', async () => {
      for (const first of ['report', 'review'] as const) {
        const { image, review } = await untagged();
        const said = { id: 'c', name: 'web', image: 'x', digest: image.digest, state: 'running' };
        const report = (on: Metadata) =>
          ask(on, 'container-report', { reporter: first, holder: 'h', containers: [said] });
        const [one, other] =
          first === 'report'
            ? await interleave(metadata, 'metadata.accept-operation', report, () => review(metadata))
            : await interleave(metadata, 'metadata.review-manifest', review, () => report(metadata));
        if (first === 'report') {
          expect(one).toMatchObject({ outcome: { created: 1 } });
          expect(other).toBe('kept');
        } else {
          expect(one).toBe('removed');
          expect(other).toMatchObject({ outcome: { created: 0, unknownCount: 1 } });
        }
        await reviewAll(metadata);
      }
    });
  });

  it('the last container goes while another is made: the image stays', async () => {
    const image = await aFetched();
    await create(metadata, { name: 'first' });
    await untag(metadata, NODE, '20');
    for (const order of ['make', 'remove'] as const) {
      const made = (on: Metadata) => create(on, { image: image.digest, name: `next-${order}` });
      const [last] = await list();
      const removed = (on: Metadata) => ask(on, 'container-remove', { container: last!.id });
      const [one, two] = order === 'make' ? [made, removed] : [removed, made];
      await interleave(metadata, 'metadata.accept-operation', one, () => two(metadata), false);
      await reviewAll(metadata);
      expect(await isVisible(image)).toBe(true);
      expect((await list()).map(({ name }) => name)).toEqual([`next-${order}`]);
    }
  });

  it('a name is taken twice: the second waits, and is told who has it', async () => {
    await aFetched();
    const [first, second] = await interleave(
      metadata,
      'metadata.accept-operation',
      (paused) => create(paused, { name: 'web' }),
      () => create(metadata, { name: 'web' }),
    );
    expect(first).toMatchObject({ outcome: { name: 'web' } });
    expect(second).toMatchObject({ code: 'CONFLICT', detail: { name: 'web', container: expect.any(String) } });
  });

  it('a name is taken by a rename and by a new one: the second is refused', async () => {
    await aFetched();
    await create(metadata, { name: 'old' });
    const rename = (on: Metadata) => ask(on, 'container-rename', { container: 'old', name: 'web' });
    const [, made] = await interleave(metadata, 'metadata.accept-operation', rename, () =>
      create(metadata, { name: 'web' }),
    );
    expect(made).toMatchObject({ code: 'CONFLICT' });
    await create(metadata, { name: 'other' });
    const [, renamed] = await interleave(
      metadata,
      'metadata.accept-operation',
      (paused) => create(paused, { name: 'front' }),
      () => ask(metadata, 'container-rename', { container: 'other', name: 'front' }),
    );
    expect(renamed).toMatchObject({ code: 'CONFLICT' });
  });

  it('many of one image do not wait for each other', async () => {
    await aFetched();
    const [, others] = await interleave(
      metadata,
      'metadata.accept-operation',
      (paused) => create(paused),
      () => Promise.all(Array.from({ length: 5 }, () => create(metadata))),
      false,
    );
    expect(others).toHaveLength(5);
    expect(await list()).toHaveLength(6);
  });

  it('one is removed while it starts: it starts first, or is gone', async () => {
    await aFetched();
    await create(metadata, { name: 'web' });
    const start = (on: Metadata) => ask(on, 'container-change', { container: 'web', action: 'start' });
    const remove = (on: Metadata) => ask(on, 'container-remove', { container: 'web' });
    const [, removed] = await interleave(metadata, 'metadata.accept-operation', start, () => remove(metadata));
    expect(removed).toMatchObject({ code: 'CONFLICT' });
    await ask(metadata, 'container-change', { container: 'web', action: 'exit' });
    const [, started] = await interleave(metadata, 'metadata.accept-operation', remove, () => start(metadata));
    expect(started).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('a silent reporter ends while it reports: its set is what it says', async () => {
    await aFetched();
    const said = { id: 'c', name: 'web', image: 'node:20', state: 'running' };
    const report = (on: Metadata) =>
      ask(on, 'container-report', { reporter: 'engine', holder: 'h', containers: [said] });
    const late = () =>
      metadata.database.read(
        `UPDATE reporter SET reported_at = now() - interval '1 hour', leased_until = now() - interval '55 minutes'`,
      );
    await report(metadata);
    await late();
    await interleave(
      metadata,
      'metadata.forget-lapsed',
      (paused) => paused.ended.forget(10),
      () => report(metadata),
    );
    expect((await list()).map(({ name }) => name)).toEqual(['engine/web']);
    await late();
    await interleave(metadata, 'metadata.accept-operation', report, () => metadata.ended.forget(10), false);
    expect((await list()).map(({ name }) => name)).toEqual(['engine/web']);
  });
});
