import { randomUUID } from 'node:crypto';
import { ANONYMOUS } from '#contracts/principal';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import { releaseImages } from '../image/release-image';
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
  pushBlob,
  repositoryName,
  reviewAll,
  someBytes,
  untag,
} from '../metadata.testing';
import { knownRepository } from '../names/repository.store';
import { queueBlobReviews, queueManifestReviews } from './queue-reviews';

const NODE = 'docker.io/library/node';
const HOUR = 3_600_000;

/** What is in use is never collected, and what is not goes. Times are moved by writing rows, never by waiting. */
describe('a review', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_REVIEW_DELAY_MS: HOUR, ENTREPOT_GRACE_MS: HOUR });
    await metadata.presence.beat();
  });
  beforeEach(() => metadata.database.read(EMPTY));
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });
  afterAll(() => metadata?.stop());

  const repository = (name = NODE) =>
    knownRepository({ query: (text, params) => metadata.database.read(text, params) }, name);
  const visible = async (image: MadeManifest, name = NODE) =>
    (await metadata.manifests.read(repositoryName(name), image.digest)) !== undefined;
  /** Asks for it to go, and has it reviewed now. */
  async function release(...images: MadeManifest[]) {
    const id = await repository();
    const digests = images.map((image) => image.digest);
    await metadata.database.transaction('spec.release', async (sql) => {
      await releaseImages(sql, id, digests);
      await queueManifestReviews(sql, id, digests, 0);
    });
    return reviewAll(metadata);
  }
  const dueInMs = async (image: { digest: string }) =>
    (
      await metadata.database.read<{ ms: number }>(
        'SELECT (extract(epoch FROM due_at - now()) * 1000)::float8 AS ms FROM review WHERE digest = $1',
        [image.digest],
      )
    )[0]?.ms;

  it('keeps cached content for its last pull, and that long only', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image);
    await metadata.database.read(`UPDATE review SET due_at = now() WHERE kind = 'manifest'`);
    expect(await reviewAll(metadata)).toEqual({ condemned: 0, removed: 0 });
    expect(await dueInMs(image)).toBeGreaterThan(29 * 24 * HOUR);
    await metadata.database.read(
      `UPDATE repository_manifest SET committed_at = now() - interval '31 days'; UPDATE review SET due_at = now()`,
    );
    expect(await reviewAll(metadata)).toEqual({ condemned: 3, removed: 1 });
  });

  it('leaves the time that metadata was away out of an age', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image);
    await metadata.database.read(
      `UPDATE repository_manifest SET committed_at = now() - interval '31 days';
       INSERT INTO absence VALUES (now() - interval '5 days', now() - interval '3 days');
       UPDATE review SET due_at = now() WHERE kind = 'manifest'`,
    );
    await reviewAll(metadata);
    expect(await visible(image)).toBe(true);
    expect(await dueInMs(image)).toBeLessThan(25 * HOUR);
  });

  it('condemns and purges nothing for a while after metadata was away', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image);
    await release(image);
    await metadata.database.transaction('spec.queue', (sql) => queueBlobReviews(sql, [image.digest], 0));
    await metadata.database.read(
      `UPDATE object SET purge_after = now() - interval '1 second';
       UPDATE installation SET seen_at = now() - interval '2 hours'`,
    );
    expect(await metadata.reviews.reviewDue(10)).toMatchObject({ reviewed: 0, nextInMs: expect.any(Number) });
    expect((await metadata.purges.claim(10)).objects).toEqual([]);
    await metadata.database.read('UPDATE installation SET quiet_until = now()');
    expect(await purgeAll(metadata)).toHaveLength(3);
    const absences = await metadata.database.read('SELECT 1 FROM absence');
    expect(absences).toHaveLength(1);
  });

  it('purges nothing of a restored database before its reconcile has ended', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image);
    await release(image);
    await metadata.database.read(
      `UPDATE object SET purge_after = now() - interval '1 second'; UPDATE installation SET generation = 2`,
    );
    expect((await metadata.purges.claim(10)).objects).toEqual([]);
    await metadata.database.read('UPDATE installation SET generation = 1');
    expect(await purgeAll(metadata)).toHaveLength(3);
  });

  it('purges nothing before its grace', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image);
    expect(await release(image)).toEqual({ condemned: 3, removed: 1 });
    expect(await metadata.purges.claim(10)).toEqual({ objects: [], nextInMs: expect.any(Number) });
  });

  const ROOTS: Record<string, (image: MadeManifest) => Promise<unknown>> = {
    'a tag': (image) => fetchManifest(metadata, NODE, image, { tag: 'tagged' }),
    'a container': async (image) =>
      metadata.database.read(
        `INSERT INTO container (id, name, repository_id, digest, state, principal)
          VALUES ('c', 'c', $1, $2, 'exited', 'p')`,
        [await repository(), image.digest],
      ),
    'an operation that waits for its next attempt': async (image) => {
      const id = randomUUID();
      await metadata.database.read(
        `INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state)
          VALUES ($1, 'p', $2, '', 'pull', '{}', 'accepted')`,
        [id, id],
      );
      return metadata.database.read('INSERT INTO operation_manifest VALUES ($1, $2, $3)', [
        id,
        await repository(),
        image.digest,
      ]);
    },
    'a pin': async (image) =>
      metadata.database.read(`INSERT INTO pin VALUES ($1, 'manifest', $2, now() + interval '1 hour')`, [
        await repository(),
        image.digest,
      ]),
    'the undo window': async (image) =>
      metadata.database.read(
        `INSERT INTO trash (id, repository_id, digest, until) VALUES ($1, $2, $3, now() + interval '1 hour')`,
        [randomUUID(), await repository(), image.digest],
      ),
  };
  const END_ROOTS = `DELETE FROM tag; DELETE FROM container; DELETE FROM operation;
    UPDATE pin SET until = now() - interval '1 second'; UPDATE trash SET until = now() - interval '1 second'`;

  it.each(Object.keys(ROOTS))('keeps an image, and everything below it, for %s', async (root) => {
    const [child, config] = [anImage(), anImage()];
    const index = anIndex([child]);
    const referrer = anImage(undefined, { subject: { digest: index.digest, size: index.size, mediaType: 'a/b' } });
    for (const each of [child, index, referrer, config]) await fetchWhole(metadata, NODE, each);
    await ROOTS[root]!(index);
    expect(await release(index, child, referrer, config)).toEqual({ condemned: 3, removed: 1 });
    for (const each of [child, index, referrer]) expect(await visible(each)).toBe(true);
    for (const { digest } of [...child.blobs, ...referrer.blobs])
      expect(await findBlob(metadata, NODE, digest)).not.toBeNull();
    await metadata.database.read(`${END_ROOTS}; UPDATE pin SET until = now() - interval '1 second'`);
    expect(await release(index)).toEqual({ condemned: 6, removed: 3 });
  });

  it('ends at the last of the reasons that end by time', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image);
    await ROOTS['a pin']!(image);
    await metadata.database.read(
      `INSERT INTO trash (id, repository_id, digest, until) VALUES ($1, $2, $3, now() + interval '5 hours')`,
      [randomUUID(), await repository(), image.digest],
    );
    await release(image);
    expect(await dueInMs(image)).toBeGreaterThan(4.9 * HOUR);
    expect(await dueInMs(image)).toBeLessThan(5.1 * HOUR);
  });

  it('collects manifests that only keep each other', async () => {
    const child = anImage();
    const index = anIndex([child], { subject: { digest: child.digest, size: child.size, mediaType: child.mediaType } });
    await fetchManifest(metadata, NODE, index, { tag: 'circle' });
    await fetchWhole(metadata, NODE, child);
    await release(index);
    expect(await visible(child)).toBe(true);
    await untag(metadata, NODE, 'circle');
    expect(await reviewAll(metadata)).toEqual({ condemned: 3, removed: 2 });
  });

  it('keeps what has a name of its own as long as any other when that name goes, though what listed it was removed', async () => {
    const [named, nameless] = [anImage(), anImage()];
    await fetchWhole(metadata, NODE, named, { tag: 'one' });
    await fetchWhole(metadata, NODE, nameless);
    const index = anIndex([named, nameless]);
    await fetchManifest(metadata, NODE, index, { tag: 'all' });
    await untag(metadata, NODE, 'all');
    await release(index);
    expect([await visible(named), await visible(nameless), await visible(index)]).toEqual([true, false, false]);
    await metadata.operations.accept({
      principal: ANONYMOUS,
      requestId: randomUUID(),
      kind: 'untag',
      body: { reference: 'node:one' },
    });
    await metadata.database.read('UPDATE review SET due_at = now()');
    await reviewAll(metadata);
    expect(await visible(named)).toBe(true);
    expect(await dueInMs(named)).toBeGreaterThan(29 * 24 * HOUR);
  });

  it('keeps in one repository what left another', async () => {
    const image = anImage();
    const other = 'docker.io/library/other';
    await fetchWhole(metadata, NODE, image);
    await fetchWhole(metadata, other, image, { tag: 'kept' });
    expect(await release(image)).toEqual({ condemned: 0, removed: 1 });
    expect([await visible(image), await visible(image, other)]).toEqual([false, true]);
    expect(await findBlob(metadata, other, image.blobs[0]!.digest)).not.toBeNull();
    expect(await findBlob(metadata, NODE, image.blobs[0]!.digest)).toBeNull();
  });

  it('lets bytes go that only the repository had the right to which it left', async () => {
    const image = anImage();
    const source = { upstream: 'evil.example', credential: 'anonymous' };
    await fetchWhole(metadata, NODE, image, { source: { upstream: 'docker.io', credential: 'c' }, isPrivate: true });
    await fetchManifest(metadata, 'evil.example/x', image, { source, tag: 'kept', fill: false });
    expect(await release(image)).toEqual({ condemned: image.blobs.length, removed: 1 });
    expect(await visible(image, 'evil.example/x')).toBe(true);
    expect(await metadata.rows.check()).toEqual([]);
  });

  it('ends a right that nothing lists when its pin ends, while the bytes stay for others', async () => {
    const image = anImage();
    const blob = image.blobs[1]!;
    await fetchWhole(metadata, NODE, image, { tag: 'kept' });
    await pushBlob(metadata, 'team/app', blob);
    await metadata.database.read('UPDATE review SET due_at = now()');
    await reviewAll(metadata);
    expect(await findBlob(metadata, 'team/app', blob.digest)).not.toBeNull();
    expect(await dueInMs(blob)).toBeGreaterThan(23 * HOUR);
    await metadata.database.read(
      `UPDATE pin SET until = now() - interval '1 second'; UPDATE review SET due_at = now() WHERE kind = 'blob'`,
    );
    expect(await reviewAll(metadata)).toEqual({ condemned: 0, removed: 0 });
    expect(await findBlob(metadata, 'team/app', blob.digest)).toBeNull();
    expect(await findBlob(metadata, NODE, blob.digest)).not.toBeNull();
  });

  it('condemns a pushed blob when its pin has ended and nothing lists it', async () => {
    const blob = someBytes(OCI_LAYER_GZIP);
    const object = await pushBlob(metadata, 'team/app', blob);
    expect(await dueInMs(blob)).toBeGreaterThan(23 * HOUR);
    await metadata.database.read(
      `UPDATE pin SET until = now() - interval '1 second'; UPDATE review SET due_at = now() WHERE kind = 'blob'`,
    );
    expect(await reviewAll(metadata)).toEqual({ condemned: 1, removed: 0 });
    expect(await metadata.objects.read(object)).toMatchObject({ state: 'condemned' });
  });

  it('resurrects what was condemned for whoever still has the right, and nothing that is purging', async () => {
    const image = anImage();
    const [, layer, other] = image.blobs;
    await fetchWhole(metadata, NODE, image);
    const before = await findBlob(metadata, NODE, layer!.digest);
    // A right that outlived its blob: what a manifest that came in time relies on.
    await metadata.database.transaction('spec.condemn', async (sql) => {
      await sql.query('UPDATE manifest_blob SET held = NULL');
      await sql.query('DELETE FROM blob WHERE digest = ANY($1)', [[layer!.digest, other!.digest]]);
      await sql.query(
        `UPDATE object SET state = CASE WHEN digest = $1 THEN 'condemned' ELSE 'purging' END,
        purge_after = now() WHERE digest = ANY($2)`,
        [layer!.digest, [layer!.digest, other!.digest]],
      );
      await sql.query('UPDATE manifest_blob SET held = digest WHERE digest IN (SELECT digest FROM blob)');
    });
    const missing = await fetchManifest(metadata, NODE, image);
    expect(missing.map((blob) => blob.digest)).toEqual([other!.digest]);
    expect(await findBlob(metadata, NODE, layer!.digest)).toEqual(before);
  });

  it('is queued again while it waits: the earlier time wins', async () => {
    const { digest } = someBytes(OCI_LAYER_GZIP);
    const queue = (ms: number) =>
      metadata.database.transaction('spec.queue', (sql) => queueBlobReviews(sql, [digest], ms));
    await queue(5 * HOUR);
    await queue(HOUR);
    await queue(9 * HOUR);
    expect(await dueInMs({ digest })).toBeLessThan(1.1 * HOUR);
    expect(await metadata.database.read('SELECT seq FROM review WHERE digest = $1', [digest])).toEqual([{ seq: 2 }]);
  });
});

const EMPTY = `TRUNCATE repository, manifest, object, operation, review, trash, container, absence, outbox CASCADE;
  UPDATE installation SET quiet_until = NULL`;
