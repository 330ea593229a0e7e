import { ReadUsage } from '#contracts/calls/usage';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import { eventually } from '#testing/eventually';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type Metadata,
  openMetadata,
  pushBlob,
  repositoryName,
  reviewAll,
  someBytes,
  untag,
} from '../metadata.testing';
import { UsageStore } from './usage.store';

const NODE = 'docker.io/library/node';
const OTHER = 'docker.io/library/other';

describe('usage', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    const soon = {
      ENTREPOT_REVIEW_DELAY_MS: 0,
      ENTREPOT_PIN_MS: 1,
      ENTREPOT_PIN_WRITE_MS: 0,
      ENTREPOT_KEEP_PULLED_MS: 0,
    };
    metadata = await openMetadata({ ...soon, ENTREPOT_GRACE_MS: 60_000 });
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());
  beforeEach(() =>
    metadata.database.read('TRUNCATE repository, manifest, blob, object, operation, review, outbox, usage CASCADE'),
  );

  const read = async (more: object = {}) =>
    metadata.usage.read(ReadUsage.question.parse({ fresh: true, limit: 100, ...more }));
  const usage = async () => (await read()).usage;
  const sizeOf = (blobs: readonly { size: number }[]) => blobs.reduce((sum, { size }) => sum + size, 0);
  /** What the extents say is there: the other way to count the same. */
  const extents = async () => {
    const [row] = await metadata.database.read<{ bytes: number }>(
      `SELECT coalesce(sum(length), 0)::bigint AS bytes FROM extent JOIN object ON object.id = object_id
        WHERE lost_at IS NULL`,
    );
    return row!.bytes;
  };

  it('of nothing is nothing', async () => {
    expect(await usage()).toMatchObject({ bytes: 0, reclaimableBytes: 0, images: { count: 0 }, repositories: [] });
  });

  it('adds up: what one manifest holds, what several do, what none does, what comes and what goes', async () => {
    const base = someBytes(OCI_LAYER_GZIP, 5000);
    const [one, two, gone] = [anImage([base, someBytes(OCI_LAYER_GZIP)]), anImage([base]), anImage()];
    await fetchWhole(metadata, NODE, one, { tag: '1' });
    await fetchWhole(metadata, OTHER, two, { tag: '2' });
    await fetchWhole(metadata, NODE, gone, { tag: 'gone' });
    const alone = someBytes(OCI_LAYER_GZIP, 700);
    await pushBlob(metadata, 'team/app', alone);
    const session = await metadata.sessions.open(repositoryName('team/app'), {});
    const { epoch } = await metadata.sessions.take(session);
    await metadata.sessions.commitExtent(session, epoch, { offset: 0, length: 33, key: null });
    await untag(metadata, NODE, 'gone');
    await reviewAll(metadata);
    // What stood alone was pinned for a moment, and is condemned by the same review: pushed again, it is back.
    await pushBlob(metadata, 'team/app', someBytes(OCI_LAYER_GZIP, 900));
    const found = await usage();
    const unique = sizeOf([...one.blobs, ...two.blobs]) - 2 * base.size;
    expect(found.images).toEqual({
      ...{ count: 2, active: 0, bytes: unique + base.size, uniqueBytes: unique, sharedBytes: base.size },
      ...{ reclaimableBytes: unique + base.size, danglingBytes: 0 },
    });
    expect(found).toMatchObject({ uploads: { count: 1, bytes: 33 }, unlisted: { count: 1, bytes: 900 } });
    expect(found.condemned).toEqual({ count: gone.blobs.length + 1, bytes: sizeOf(gone.blobs) + alone.size });
    expect(found.bytes).toBe(await extents());
    expect(found.reclaimableBytes).toBe(found.images.reclaimableBytes + found.unlisted.bytes);
  });

  it('what a container uses cannot be reclaimed, and what a tag names does not dangle, with all below them', async () => {
    const [child, plain, loose] = [anImage(), anImage(), anImage()];
    const index = anIndex([child]);
    const referrer = anImage(undefined, {
      subject: { mediaType: index.mediaType, digest: index.digest, size: index.size },
    });
    await fetchManifest(metadata, NODE, index, { tag: 'multi' });
    for (const image of [child, referrer, loose]) await fetchWhole(metadata, NODE, image);
    await fetchWhole(metadata, NODE, plain, { tag: 'plain' });
    await metadata.database.read(
      `INSERT INTO container (id, name, repository_id, digest, state, principal)
        SELECT 'c1', 'c1', repository_id, digest, 'running', 'p' FROM tag WHERE name = 'multi'`,
    );
    const found = await usage();
    const used = sizeOf([...child.blobs, ...referrer.blobs]);
    expect(found.images).toMatchObject({
      active: 1,
      reclaimableBytes: found.images.bytes - used,
      danglingBytes: sizeOf(loose.blobs),
    });
    expect(found.images.count).toBe(3);
    expect(found.containers).toEqual({ count: 1, active: 1, bytes: 0 });
  });

  it('bytes that were lost are not counted as here', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: '1' });
    await metadata.database.read('UPDATE object SET lost_at = now() WHERE digest = $1', [image.blobs[1]!.digest]);
    const found = await usage();
    expect(found.lost).toEqual({ count: 1, bytes: image.blobs[1]!.size });
    expect(found.bytes).toBe(sizeOf(image.blobs) - image.blobs[1]!.size);
  });

  it('of repositories has each with what it alone has, the largest first, in pages', async () => {
    const base = someBytes(OCI_LAYER_GZIP, 5000);
    const [small, large] = [anImage([base]), anImage([base, someBytes(OCI_LAYER_GZIP, 900)])];
    await fetchWhole(metadata, NODE, small, { tag: '1' });
    await fetchWhole(metadata, OTHER, large, { tag: '1' });
    const first = await read({ limit: 1 });
    expect(first.usage.repositories).toEqual([
      {
        ...{ repository: OTHER, manifests: 1, tags: 1, blobs: 3 },
        ...{ bytes: sizeOf(large.blobs), uniqueBytes: sizeOf(large.blobs) - base.size },
      },
    ]);
    const second = await read({ limit: 1, after: first.next! });
    expect(second).toMatchObject({ usage: { repositories: [{ repository: NODE }] }, next: null });
    const unique = [first, second].reduce((sum, each) => sum + each.usage.repositories[0]!.uniqueBytes, 0);
    expect(unique + base.size).toBe(first.usage.bytes);
  });

  it.each(['', '1', '1.x', '1.2.3', `${'9'.repeat(19)}.1`])('does not go on at %j', async (after) => {
    await expect(read({ after })).rejects.toMatchObject({ code: 'INVALID', detail: { field: 'after' } });
  });

  it('that is asked for while it is counted is counted again, once for all who ask, from a moment after they did', async () => {
    const image = anImage();
    const counting = metadata.usage.count();
    await fetchWhole(metadata, NODE, image, { tag: '1' });
    const [busy, next, other] = [metadata.usage.count(), metadata.usage.count(), metadata.usage.count()];
    expect(other).toBe(next);
    await Promise.all([counting, busy, next]);
    const [row] = await metadata.database.read<{ bytes: number }>(
      `SELECT (counted -> 'images' ->> 'bytes')::bigint AS bytes FROM usage`,
    );
    expect(row!.bytes).toBe(sizeOf(image.blobs));
  });

  it('of a store that takes long to count is as it was counted last, and is counted again in its time', async () => {
    await usage();
    await metadata.database.read('UPDATE usage SET took_ms = 60000');
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: '1' });
    expect((await read({ fresh: false })).usage.bytes).toBe(0);
    await metadata.usage.keepUp();
    expect((await read({ fresh: false })).usage.bytes).toBe(0);
    await metadata.database.read(`UPDATE usage SET as_of = as_of - interval '1 hour'`);
    await metadata.usage.keepUp();
    expect((await read({ fresh: false })).usage.bytes).toBe(sizeOf(image.blobs));
  });

  it('is called off at the end: nobody waits for it', async () => {
    const ending = new UsageStore(metadata.database, metadata.config);
    let counting: Promise<unknown> = Promise.resolve();
    await metadata.database.transaction('spec.hold', async (sql) => {
      await sql.query('LOCK TABLE usage IN EXCLUSIVE MODE');
      counting = ending.count().catch((error: unknown) => error);
      await eventually('it waits for the table', async () => {
        const [row] = await metadata.database.read<{ waits: boolean }>(
          `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid() AND query LIKE '%WITH RECURSIVE used%') AS waits`,
        );
        return row!.waits;
      });
      await ending.onModuleDestroy();
      expect(await counting).toBeInstanceOf(Error);
      await expect(ending.count()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    });
  });
});
