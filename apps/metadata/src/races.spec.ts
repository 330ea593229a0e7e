import { OCI_LAYER_GZIP } from '#oci/media-type';
import { isRegistryError } from '#oci/registry-error';
import type { Tag } from '#oci/tag';
import { lockTags, lockVisible } from './database/locks';
import { interleave } from './database/two-at-once.testing';
import {
  anImage,
  anIndex,
  type Bytes,
  fetchManifest,
  fetchWhole,
  findBlob,
  type MadeManifest,
  type Metadata,
  openMetadata,
  pushBlob,
  repositoryName,
  reviewAll,
  runFills,
  someBytes,
  untag,
  writeWhole,
} from './metadata.testing';
import { knownRepository } from './names/repository.store';
import { queueBlobReviews, queueManifestReviews } from './review/queue-reviews';

const NODE = 'docker.io/library/node';
const SETTINGS = { ENTREPOT_REVIEW_DELAY_MS: 0, ENTREPOT_GRACE_MS: 0 };

/** On real Postgres: the first transaction has done all but its commit when the second one comes. */
describe('two at once', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata(SETTINGS);
    await metadata.presence.beat();
  });
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });
  afterAll(() => metadata?.stop());

  const repository = () => knownRepository({ query: (text, params) => metadata.database.read(text, params) }, NODE);
  const state = async (object: string) =>
    (await metadata.database.read<{ state: string }>('SELECT state FROM object WHERE id = $1', [object]))[0]?.state;

  /** A blob that nothing lists any more, whose review is due. */
  async function garbage(): Promise<Bytes> {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: 'garbage' });
    await untag(metadata, NODE, 'garbage');
    await metadata.manifestReviews.review(await repository(), image.digest);
    return image.blobs[1]!;
  }

  describe('a manifest is committed and a blob of it condemned', () => {
    it('the manifest first: the blob stays', async () => {
      const layer = await garbage();
      const image = anImage([layer]);
      const [missing, verdicts] = await interleave(
        metadata,
        'metadata.commit-manifest',
        (paused) => fetchManifest(paused, NODE, image),
        () => metadata.blobReviews.review([layer.digest]),
      );
      expect(missing).toHaveLength(1);
      expect(verdicts).toEqual({ reviewed: 1, condemned: 0, postponed: 0 });
      expect(await findBlob(metadata, NODE, layer.digest)).not.toBeNull();
    });

    it('the condemning first: the manifest has it fetched again, under a new id', async () => {
      const layer = await garbage();
      const before = await metadata.database.read<{ id: string }>('SELECT id FROM object WHERE digest = $1', [
        layer.digest,
      ]);
      const image = anImage([layer]);
      const [verdicts, missing] = await interleave(
        metadata,
        'metadata.review-blobs',
        (paused) => paused.blobReviews.review([layer.digest]),
        () => fetchManifest(metadata, NODE, image),
      );
      expect(verdicts).toMatchObject({ condemned: 1 });
      expect(missing).toHaveLength(2);
      await runFills(metadata);
      const found = await findBlob(metadata, NODE, layer.digest);
      expect(found?.object).not.toBe(before[0]!.id);
      expect(await state(found!.object)).toBe('live');
    });
  });

  it('a manifest goes between two looks of a review of its blobs: the rights of its repository are reviewed again', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: 'going' });
    const digests = image.blobs.map(({ digest }) => digest);
    await metadata.database.transaction('spec.queue', (sql) => queueBlobReviews(sql, digests, 0));
    await untag(metadata, NODE, 'going');
    const [verdicts, verdict] = await interleave(
      metadata,
      /LEFT JOIN blob ON blob\.digest = review\.digest/,
      (paused) => paused.blobReviews.review(digests),
      async () => metadata.manifestReviews.review(await repository(), image.digest),
      false,
    );
    expect([verdicts, verdict]).toEqual([expect.objectContaining({ reviewed: digests.length }), 'removed']);
    expect(await metadata.rows.check()).toEqual([]);
    await metadata.blobReviews.review(digests);
    const rights = 'SELECT FROM repository_blob WHERE digest = ANY($1)';
    expect(await metadata.database.read(rights, [digests])).toEqual([]);
  });

  describe('a blob is said to exist and condemned', () => {
    it('said first: it stays until the pin ends', async () => {
      const layer = await garbage();
      const [found, verdicts] = await interleave(
        metadata,
        'metadata.pin-blobs',
        (paused) => findBlob(paused, NODE, layer.digest),
        () => metadata.blobReviews.review([layer.digest]),
      );
      expect(found).toEqual({ object: expect.any(String), size: layer.size });
      expect(verdicts).toEqual({ reviewed: 1, condemned: 0, postponed: 1 });
    });

    it('condemned first: it is said not to be there', async () => {
      const layer = await garbage();
      const [verdicts, found] = await interleave(
        metadata,
        'metadata.review-blobs',
        (paused) => paused.blobReviews.review([layer.digest]),
        () => findBlob(metadata, NODE, layer.digest),
      );
      expect(verdicts).toMatchObject({ condemned: 1 });
      expect(found).toBeNull();
    });
  });

  it.each(['index', 'child'])(
    'an index and its child are committed, the %s first: the index holds it',
    async (first) => {
      const child = anImage();
      const index = anIndex([child]);
      const [one, other] = first === 'index' ? [index, child] : [child, index];
      await interleave(
        metadata,
        'metadata.commit-manifest',
        (paused) => fetchManifest(paused, NODE, one),
        () => fetchManifest(metadata, NODE, other),
      );
      const held = 'SELECT held FROM manifest_child WHERE parent = $1';
      expect(await metadata.database.read(held, [index.digest])).toEqual([{ held: child.digest }]);
    },
  );

  it('an index goes from a repository while its child comes to it: elsewhere it stays without that child', async () => {
    const child = anImage();
    const index = anIndex([child]);
    for (const name of [NODE, 'docker.io/library/other']) await fetchManifest(metadata, name, index, { tag: 'index' });
    await untag(metadata, NODE, 'index');
    const repositoryId = await repository();
    await interleave(
      metadata,
      'metadata.review-manifest',
      (paused) => paused.manifestReviews.review(repositoryId, index.digest),
      () => fetchManifest(metadata, NODE, child),
    );
    const held = 'SELECT held FROM manifest_child WHERE parent = $1';
    expect(await metadata.database.read(held, [index.digest])).toEqual([{ held: null }]);
  });

  it('two uploads of one digest: the first lives, the second is condemned, both repositories have it', async () => {
    const blob = someBytes(OCI_LAYER_GZIP);
    const [first, second] = await interleave(
      metadata,
      'metadata.finish-session',
      (paused) => pushBlob(paused, 'team/a', blob),
      () => pushBlob(metadata, 'team/b', blob),
    );
    expect(second).toBe(first);
    const objects = await metadata.database.read('SELECT id, state FROM object WHERE digest = $1 ORDER BY id', [
      blob.digest,
    ]);
    expect(objects).toEqual([
      { id: first, state: 'live' },
      { id: expect.any(String), state: 'condemned' },
    ]);
    for (const name of ['team/a', 'team/b']) expect((await findBlob(metadata, name, blob.digest))?.object).toBe(first);
  });

  describe('a blob ends its fill while a manifest that lists it is committed', () => {
    async function running(): Promise<{ layer: Bytes; finish: (on: Metadata) => Promise<string> }> {
      const layer = someBytes(OCI_LAYER_GZIP);
      await fetchManifest(metadata, 'docker.io/library/first', anImage([layer]));
      const fills = await metadata.fills.claim('spec', 64);
      const mine = fills.find((fill) => fill.digest === layer.digest)!;
      for (const fill of fills.filter((each) => each !== mine)) await writeWhole(metadata, fill.session, fill);
      return { layer, finish: (on) => writeWhole(on, mine.session, mine) };
    }

    it('the fill first: the manifest finds it', async () => {
      const { layer, finish } = await running();
      const [, missing] = await interleave(metadata, 'metadata.finish-session', finish, () =>
        fetchManifest(metadata, NODE, anImage([layer])),
      );
      expect(missing).toHaveLength(1);
      await runFills(metadata);
    });

    it('the manifest first: the fill gives it to its repository', async () => {
      const { layer, finish } = await running();
      const [missing] = await interleave(
        metadata,
        'metadata.commit-manifest',
        (paused) => fetchManifest(paused, NODE, anImage([layer])),
        () => finish(metadata),
      );
      expect(missing).toHaveLength(2);
      expect(await findBlob(metadata, NODE, layer.digest)).not.toBeNull();
      await runFills(metadata);
    });
  });

  it('two layers of an image end together: it is said to be complete, once', async () => {
    const image = anImage();
    await fetchManifest(metadata, 'docker.io/library/complete', image);
    const [config, ...layers] = await metadata.fills.claim('spec', 64);
    await writeWhole(metadata, config!.session, config!);
    await interleave(
      metadata,
      'metadata.finish-session',
      (paused) => writeWhole(paused, layers[0]!.session, layers[0]!),
      () => writeWhole(metadata, layers[1]!.session, layers[1]!),
    );
    const facts = await metadata.database.read(
      `SELECT 1 FROM outbox WHERE subject = 'entrepot.fact.image.completed' AND message -> 'data' ->> 'digest' = $1`,
      [image.digest],
    );
    expect(facts).toHaveLength(1);
  });

  it('manifests of thousands of blobs that are not here: each waits for the other, and for one of few', async () => {
    const many = () => Array.from({ length: 9900 }, () => someBytes(OCI_LAYER_GZIP, 100));
    const fetching = (on: Metadata, blobs: Bytes[]) => fetchManifest(on, NODE, anImage(blobs), { fill: false });
    const answers = await interleave(
      metadata,
      'metadata.commit-manifest',
      (paused) => fetching(paused, many()),
      () => Promise.all([fetching(metadata, many()), fetching(metadata, [someBytes(OCI_LAYER_GZIP)])]),
    );
    expect(answers).toMatchObject([{ length: 9901 }, [{ length: 9901 }, { length: 2 }]]);
  });

  describe('a manifest is removed and', () => {
    async function untagged(): Promise<MadeManifest> {
      const image = anImage();
      await fetchWhole(metadata, NODE, image, { tag: 'going' });
      await untag(metadata, NODE, 'going');
      return image;
    }
    const review = async (on: Metadata, image: MadeManifest) =>
      on.manifestReviews.review(await repository(), image.digest);
    const visible = async (image: MadeManifest, name = NODE) =>
      (await metadata.manifests.read(repositoryName(name), image.digest)) !== undefined;

    it('tagged first: it stays', async () => {
      const image = await untagged();
      const [, verdict] = await interleave(
        metadata,
        'metadata.commit-manifest',
        (paused) => fetchManifest(paused, NODE, image, { tag: 'back' }),
        () => review(metadata, image),
      );
      expect(verdict).toBe('kept');
      expect(await visible(image)).toBe(true);
    });

    it('tagged after: it is committed anew, with its blobs', async () => {
      const image = await untagged();
      const [verdict, missing] = await interleave(
        metadata,
        'metadata.review-manifest',
        (paused) => review(paused, image),
        () => fetchManifest(metadata, NODE, image, { tag: 'back' }),
      );
      expect(verdict).toBe('removed');
      expect(missing).toEqual([]);
      await reviewAll(metadata);
      expect(await visible(image)).toBe(true);
      for (const { digest } of image.blobs) expect(await findBlob(metadata, NODE, digest)).not.toBeNull();
    });

    it('listed by an index first: it stays', async () => {
      const image = await untagged();
      const [, verdict] = await interleave(
        metadata,
        'metadata.commit-manifest',
        (paused) => fetchManifest(paused, NODE, anIndex([image]), { tag: 'index' }),
        () => review(metadata, image),
      );
      expect(['kept', 'postponed']).toContain(verdict);
      await reviewAll(metadata);
      expect(await visible(image)).toBe(true);
    });

    it('listed by an index after: the index holds nothing that is gone', async () => {
      const image = await untagged();
      const [verdict] = await interleave(
        metadata,
        'metadata.review-manifest',
        (paused) => review(paused, image),
        () => fetchManifest(metadata, NODE, anIndex([image]), { tag: 'index' }),
      );
      expect(verdict).toBe('removed');
      expect(await visible(image)).toBe(false);
      await reviewAll(metadata);
    });

    it('its index tagged first: the child stays', async () => {
      const child = anImage();
      const index = anIndex([child]);
      await fetchManifest(metadata, NODE, index, { tag: 'whole' });
      await fetchWhole(metadata, NODE, child);
      await untag(metadata, NODE, 'whole');
      await metadata.database.read(
        `INSERT INTO review (kind, repository_id, digest, due_at) VALUES ('manifest', $1, $2, now())
          ON CONFLICT (kind, repository_id, digest) DO UPDATE SET due_at = now()`,
        [await repository(), child.digest],
      );
      const [, verdict] = await interleave(
        metadata,
        'metadata.commit-manifest',
        (paused) => fetchManifest(paused, NODE, index, { tag: 'whole' }),
        () => review(metadata, child),
      );
      expect(verdict).toBe('kept');
    });

    it('its index gets its tag at the end of a pull: the child stays', async () => {
      const child = anImage();
      const index = anIndex([child]);
      await fetchManifest(metadata, NODE, index, { tag: 'ends' });
      await fetchWhole(metadata, NODE, child);
      await untag(metadata, NODE, 'ends');
      const repositoryId = await repository();
      await metadata.database.transaction('spec.queue', (sql) =>
        queueManifestReviews(sql, repositoryId, [child.digest], 0),
      );
      const [, verdict] = await interleave(
        metadata,
        'spec.complete',
        (paused) =>
          paused.database.transaction('spec.complete', async (sql) => {
            await lockTags(sql, repositoryId, ['ends']);
            await lockVisible(sql, repositoryId, [index.digest]);
            await paused.tags.move(sql, {
              repositoryId,
              repository: repositoryName(NODE),
              name: 'ends' as Tag,
              digest: index.digest,
              askedMsAgo: 0,
              principal: 'p',
              operation: null,
            });
          }),
        () => review(metadata, child),
      );
      expect(verdict).toBe('kept');
      expect(await visible(child)).toBe(true);
    });

    it('comes to another repository: it leaves this one, and its row stays', async () => {
      const image = await untagged();
      const other = 'docker.io/library/other';
      const [, verdict] = await interleave(
        metadata,
        'metadata.commit-manifest',
        (paused) => fetchManifest(paused, other, image, { tag: 'here' }),
        () => review(metadata, image),
      );
      expect(verdict).toBe('removed');
      expect(await visible(image, other)).toBe(true);
      await reviewAll(metadata);
      expect(await findBlob(metadata, other, image.blobs[0]!.digest)).not.toBeNull();
    });

    it('a review that is queued after another one has read is not dropped by it', async () => {
      const image = anImage();
      await fetchWhole(metadata, NODE, image, { tag: 'read' });
      const id = await repository();
      const queue = () =>
        metadata.database.transaction('spec.queue', (sql) => queueManifestReviews(sql, id, [image.digest], 0));
      await queue();
      const [verdict] = await interleave(
        metadata,
        /DELETE FROM review/,
        (paused) => review(paused, image),
        queue,
        false,
      );
      expect(verdict).toBe('kept');
      const left = await metadata.database.read('SELECT 1 FROM review WHERE digest = $1 AND due_at <= now()', [
        image.digest,
      ]);
      expect(left).toHaveLength(1);
    });

    it('a review that is queued while another one runs is not lost', async () => {
      const image = anImage();
      await fetchWhole(metadata, NODE, image, { tag: 'kept' });
      await metadata.database.read(`UPDATE review SET due_at = now() WHERE kind = 'manifest' AND digest = $1`, [
        image.digest,
      ]);
      const [verdict] = await interleave(
        metadata,
        'metadata.review-manifest',
        (paused) => review(paused, image),
        () => untag(metadata, NODE, 'kept'),
      );
      expect(verdict).toBe('kept');
      expect(await reviewAll(metadata)).toMatchObject({ removed: 1 });
    });
  });

  describe('a reader takes a lease and the object is purged', () => {
    async function condemned(): Promise<string> {
      const layer = await garbage();
      const [object] = await metadata.database.read<{ id: string }>('SELECT id FROM object WHERE digest = $1', [
        layer.digest,
      ]);
      await metadata.blobReviews.review([layer.digest]);
      return object!.id;
    }
    const holder = '00000000-0000-4000-8000-000000000001';
    const claims = async (on: Metadata) => (await on.purges.claim(1000)).objects.map((each) => each.object);

    it('the lease first: purge waits for its end', async () => {
      const object = await condemned();
      const [lease, claimed] = await interleave(
        metadata,
        'metadata.lease-object',
        (paused) => paused.objects.lease(object, holder, 60_000),
        () => claims(metadata),
        false,
      );
      expect(lease).toBeInstanceOf(Date);
      expect(claimed).not.toContain(object);
      expect(await claims(metadata)).not.toContain(object);
      await metadata.objects.release(object, holder);
      expect(await claims(metadata)).toContain(object);
    });

    it('purging first: there is no lease to be had', async () => {
      const object = await condemned();
      const [, lease] = await interleave(
        metadata,
        'metadata.end-objects',
        (paused) => claims(paused),
        () => metadata.objects.lease(object, holder, 60_000),
      );
      expect(isRegistryError(lease, 'BLOB_UNKNOWN')).toBe(true);
    });
  });
});
