import { randomUUID } from 'node:crypto';
import { ListSharedLayers } from '#contracts/calls/references';
import { ANONYMOUS } from '#contracts/principal';
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
  runFills,
  someBytes,
  untag,
} from '../metadata.testing';

const NODE = 'docker.io/library/node';
const OTHER = 'docker.io/library/other';

describe('who refers to what', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_REVIEW_DELAY_MS: 0, ENTREPOT_KEEP_PULLED_MS: 0 });
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());
  beforeEach(() => metadata.database.read('TRUNCATE repository, manifest, blob, object, operation, review CASCADE'));

  describe('a blob', () => {
    it('says who may read it, what lists it, and what keeps it', async () => {
      const base = someBytes(OCI_LAYER_GZIP, 5000);
      const [child, plain] = [anImage([base]), anImage([base])];
      const index = anIndex([child]);
      await fetchManifest(metadata, NODE, index, { tag: 'multi' });
      await fetchWhole(metadata, NODE, child);
      await fetchWhole(metadata, OTHER, plain, { tag: 'plain' });
      const object = await pushBlob(metadata, 'team/app', base);
      await metadata.objects.lease(object, randomUUID(), 60_000);
      const found = await metadata.blobReferences.describe(base.digest);
      expect(found).toMatchObject({ state: 'held', size: 5000, storedAt: expect.any(String), goesAt: null });
      expect(found.repositories).toEqual([
        { repository: NODE, since: expect.any(String), upstream: 'docker.io' },
        { repository: OTHER, since: expect.any(String), upstream: 'docker.io' },
        { repository: 'team/app', since: expect.any(String), upstream: null },
      ]);
      const listing = { role: 'layer', mediaType: OCI_LAYER_GZIP, holds: true };
      const expected = [
        { digest: child.digest, ...listing, images: [{ repository: NODE, tags: ['multi'], index: index.digest }] },
        { digest: plain.digest, ...listing, images: [{ repository: OTHER, tags: ['plain'], index: null }] },
      ];
      expect(found.manifests).toEqual(expected.sort((one, two) => (one.digest < two.digest ? -1 : 1)));
      expect(found.keptBy).toContainEqual({ kind: 'manifest', digest: plain.digest });
      expect(found.keptBy).toContainEqual({ kind: 'pin', repository: 'team/app', until: expect.any(String) });
    });

    it('names a reader of its bytes', async () => {
      const blob = someBytes(OCI_LAYER_GZIP);
      const object = await pushBlob(metadata, 'team/app', blob);
      await metadata.database.read(
        `INSERT INTO lease (object_id, holder, until) VALUES ($1, $1, now() + interval '1 hour')`,
        [object],
      );
      const { keptBy } = await metadata.blobReferences.describe(blob.digest);
      expect(keptBy.map(({ kind }) => kind).sort()).toEqual(['pin', 'reader']);
    });

    it('that is fetched, that never was, that was lost and that goes says so', async () => {
      const image = anImage();
      await fetchManifest(metadata, NODE, image, { tag: '1', fill: false });
      const [config, layer] = image.blobs;
      const state = async (digest = layer!.digest) => (await metadata.blobReferences.describe(digest)).state;
      expect(await state()).toBe('absent');
      await fetchManifest(metadata, NODE, image, { tag: '1' });
      expect(await state()).toBe('coming');
      await runFills(metadata);
      expect(await state()).toBe('held');
      await metadata.database.read('UPDATE object SET lost_at = now() WHERE digest = $1', [layer!.digest]);
      expect([await state(), await state(config!.digest)]).toEqual(['lost', 'held']);
      await metadata.database.read('DELETE FROM pin');
      await untag(metadata, NODE, '1');
      await reviewAll(metadata);
      await metadata.database.read('DELETE FROM pin');
      expect(await metadata.blobReferences.describe(config!.digest)).toMatchObject({
        state: 'condemned',
        size: config!.size,
        goesAt: expect.any(String),
        repositories: [],
        keptBy: [],
      });
    });

    it('that nothing here knows is not found', async () => {
      const { digest } = someBytes(OCI_LAYER_GZIP);
      await expect(metadata.blobReferences.describe(digest)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('that very many refer to names some, and says that there are more', async () => {
      const image = anImage();
      await fetchWhole(metadata, NODE, image, { tag: '1' });
      await metadata.database.read(`
        INSERT INTO manifest (digest, media_type, kind, bytes)
          SELECT 'sha256:' || md5(n::text) || md5('x' || n), 'a/b', 'image', '{}' FROM generate_series(1, 150) n;
        INSERT INTO repository (name) SELECT 'r' || n FROM generate_series(1, 150) n;
        INSERT INTO manifest_blob (manifest, digest, position, role, media_type, size, held)
          SELECT manifest.digest, listed.digest, 0, 'layer', 'a/b', listed.size, held
          FROM manifest, manifest_blob listed WHERE manifest.media_type = 'a/b' AND listed.position = 1;
        INSERT INTO repository_blob (repository_id, digest)
          SELECT id, listed.digest FROM repository, manifest_blob listed WHERE name LIKE 'r%' AND listed.position = 1
          ON CONFLICT DO NOTHING`);
      const found = await metadata.blobReferences.describe(image.blobs[1]!.digest);
      expect([found.manifests.length, found.repositories.length, found.keptBy.length]).toEqual([100, 100, 100]);
      expect([found.manifestsMore, found.repositoriesMore, found.keptByMore]).toEqual([true, true, true]);
    });
  });

  describe('layers', () => {
    const shared = (reference: string, more: object = {}) =>
      metadata.sharedLayers.list(ListSharedLayers.question.parse({ reference, limit: 100, ...more }));

    it('are named with the images that have them too, and their bytes', async () => {
      const [base, next] = [someBytes(OCI_LAYER_GZIP, 5000), someBytes(OCI_LAYER_GZIP, 300)];
      const [image, both, one, none] = [anImage([base, next]), anImage([base, next]), anImage([base]), anImage()];
      await fetchWhole(metadata, NODE, image, { tag: '22' });
      await fetchWhole(metadata, OTHER, both, { tag: 'both' });
      await fetchWhole(metadata, OTHER, one, { tag: 'one' });
      await fetchWhole(metadata, OTHER, none, { tag: 'none' });
      const found = await shared('node:22');
      expect(found).toMatchObject({
        image: { repository: NODE, digest: image.digest },
        layerBytes: 5300,
        sharedBytes: 5300,
      });
      const byDigest = Object.fromEntries(found.sharing.map((each) => [each.digest, each]));
      expect(Object.keys(byDigest).sort()).toEqual([both.digest, one.digest].sort());
      expect(byDigest[both.digest]).toMatchObject({ bytes: 5300, images: [{ repository: OTHER, tags: ['both'] }] });
      expect(byDigest[one.digest]).toMatchObject({ bytes: 5000, layers: [{ digest: base.digest, size: 5000 }] });
      expect((await shared('other:none')).sharing).toEqual([]);
    });

    it('of one image under two names are its own: it shares with others', async () => {
      const image = anImage();
      await fetchWhole(metadata, NODE, image, { tag: '22' });
      const body = { source: 'node:22', target: 'localhost:5050/custom/node:22' };
      await metadata.operations.accept({ principal: ANONYMOUS, requestId: randomUUID(), kind: 'tag', body });
      const found = await shared('node:22');
      expect(found).toMatchObject({ sharedBytes: 0, sharing: [] });
      expect(found.layers.map((layer) => layer.shared)).toEqual([false, false]);
    });

    it('of an index are those of what it holds, and its children do not share with each other', async () => {
      const base = someBytes(OCI_LAYER_GZIP, 5000);
      const [first, second, outside] = [anImage([base]), anImage([base]), anImage([base])];
      await fetchManifest(metadata, NODE, anIndex([first, second]), { tag: 'multi' });
      for (const image of [first, second]) await fetchWhole(metadata, NODE, image);
      expect((await shared('node:multi')).sharing).toEqual([]);
      await fetchWhole(metadata, OTHER, outside, { tag: '1' });
      expect((await shared('node:multi')).sharing).toMatchObject([{ digest: outside.digest, bytes: 5000 }]);
    });

    it('come in pages, each image once with all that it shares', async () => {
      const [base, next] = [someBytes(OCI_LAYER_GZIP, 5000), someBytes(OCI_LAYER_GZIP, 300)];
      await fetchWhole(metadata, NODE, anImage([base, next]), { tag: '22' });
      const others = Array.from({ length: 5 }, () => anImage([base, next]));
      for (const other of others) await fetchWhole(metadata, OTHER, other);
      const found: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await shared('node:22', { limit: 2, after });
        for (const { digest, bytes } of page.sharing) found.push(`${digest} ${bytes}`);
        if (page.next === null) break;
        after = page.next;
      }
      expect(found).toEqual(others.map(({ digest }) => `${digest} 5300`).sort());
    });

    it('of what is not here, or of what has no such cursor, are refused', async () => {
      await expect(shared('node:99')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(shared('Node:99')).rejects.toMatchObject({ code: 'INVALID', detail: { field: 'reference' } });
      await expect(shared('node:22', { after: 'x' })).rejects.toMatchObject({ detail: { field: 'after' } });
    });
  });
});
