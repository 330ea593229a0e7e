import { OCI_LAYER_GZIP } from '#oci/media-type';
import { isRegistryError } from '#oci/registry-error';
import { interleave } from '../database/two-at-once.testing';
import {
  findBlob,
  type Metadata,
  openMetadata,
  purgeAll,
  pushBlob,
  repositoryName,
  someBytes,
} from '../metadata.testing';

const TEAM = repositoryName('team/app');
const HOUR = 3_600_000;

describe('an upload session', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
    await metadata.presence.beat();
  });
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });
  afterAll(() => metadata?.stop());

  const open = (expected = {}) => metadata.sessions.open(TEAM, expected);
  const extent = (offset: number, length: number, key: string | null = null) => ({ offset, length, key });
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (error: { code: string; detail: unknown }) => ({ code: error.code, detail: error.detail }),
    );

  it('is the writer that took it last: whoever wrote before is fenced off, and told where it stands', async () => {
    const id = await open();
    const first = await metadata.sessions.take(id);
    expect(await metadata.sessions.commitExtent(id, first.epoch, extent(0, 10))).toBe(10);
    const second = await metadata.sessions.take(id);
    expect(second).toMatchObject({ epoch: first.epoch + 1, extents: [extent(0, 10)] });
    const stale = { code: 'STALE', detail: { offset: 10 } };
    expect(await refusal(metadata.sessions.commitExtent(id, first.epoch, extent(10, 5)))).toEqual(stale);
    const { digest } = someBytes(OCI_LAYER_GZIP);
    const finish = { session: id, digest, size: 10 };
    expect(await refusal(metadata.finishes.finish({ ...finish, epoch: first.epoch }))).toEqual(stale);
    expect(await refusal(metadata.sessions.abort(id, first.epoch))).toEqual(stale);
    expect(await metadata.sessions.commitExtent(id, second.epoch, extent(10, 5))).toBe(15);
  });

  it('is fenced even while the other writer is about to commit', async () => {
    const id = await open();
    const { epoch } = await metadata.sessions.take(id);
    const [, refused] = await interleave(
      metadata,
      'metadata.take-session',
      (paused) => paused.sessions.take(id),
      () => metadata.sessions.commitExtent(id, epoch, extent(0, 10)),
    );
    expect(isRegistryError(refused, 'STALE')).toBe(true);
    expect(await metadata.sessions.read(id)).toEqual({ repository: TEAM, offset: 0 });
  });

  it('says where its writer answers, as long as that one has it and it is an upload', async () => {
    const id = await open();
    const writer = async () => (await metadata.objects.read(id)).writer;
    expect(await writer()).toBeNull();
    await metadata.sessions.take(id, 'http://10.0.0.9:5062');
    expect(await writer()).toBe('http://10.0.0.9:5062');
    await metadata.sessions.take(id);
    expect(await writer()).toBeNull();
  });

  it('acknowledges the end of the gapless prefix, and takes far extents first', async () => {
    const id = await open();
    const { epoch } = await metadata.sessions.take(id);
    expect(await metadata.sessions.commitExtent(id, epoch, extent(20, 10, 'far'))).toBe(0);
    expect(await metadata.sessions.commitExtent(id, epoch, extent(0, 15, 'near'))).toBe(15);
    expect(await metadata.sessions.commitExtent(id, epoch, extent(15, 5, 'between'))).toBe(30);
    const object = await metadata.objects.read(id);
    expect(object).toMatchObject({ state: 'uploading', digest: null, size: null, lost: false });
    expect(object.extents).toEqual([extent(0, 15, 'near'), extent(15, 5, 'between'), extent(20, 10, 'far')]);
  });

  it('never has extents that overlap, whoever writes them; the same one again changes nothing', async () => {
    const id = await open();
    const { epoch } = await metadata.sessions.take(id);
    await metadata.sessions.commitExtent(id, epoch, extent(0, 10, 'a'));
    expect(await metadata.sessions.commitExtent(id, epoch, extent(0, 10, 'a'))).toBe(10);
    const overlap = { code: 'STALE', detail: { offset: 10 } };
    for (const wrong of [extent(0, 10, 'b'), extent(5, 10, 'a'), extent(9, 1), extent(0, 4)])
      expect(await refusal(metadata.sessions.commitExtent(id, epoch, wrong))).toEqual(overlap);
    const unchecked = metadata.database.read('INSERT INTO extent (object_id, start, length) VALUES ($1, 3, 3)', [id]);
    await expect(unchecked).rejects.toThrow('extent_overlaps');
  });

  it('ends only with all its bytes and the digest it was opened for', async () => {
    const blob = someBytes(OCI_LAYER_GZIP, 30);
    const id = await open({ digest: blob.digest, size: 30 });
    const { epoch } = await metadata.sessions.take(id);
    await metadata.sessions.commitExtent(id, epoch, extent(0, 10));
    await metadata.sessions.commitExtent(id, epoch, extent(20, 10));
    const end = (more: object) => refusal(metadata.finishes.finish({ session: id, epoch, ...blob, ...more }));
    expect(await end({})).toMatchObject({ code: 'BLOB_UPLOAD_INVALID' });
    expect(await end({ digest: someBytes(OCI_LAYER_GZIP).digest })).toMatchObject({ code: 'DIGEST_INVALID' });
    expect(await refusal(metadata.sessions.commitExtent(id, epoch, extent(30, 1)))).toMatchObject({
      code: 'SIZE_INVALID',
    });
    await metadata.sessions.commitExtent(id, epoch, extent(10, 10));
    expect(await end({})).toBeNull();
    expect((await findBlob(metadata, TEAM, blob.digest))?.object).toBe(id);
  });

  it('may be empty', async () => {
    const nothing = { digest: someBytes(OCI_LAYER_GZIP).digest, size: 0 };
    const object = await pushBlob(metadata, TEAM, nothing);
    expect(await findBlob(metadata, TEAM, nothing.digest)).toEqual({ object, size: 0 });
  });

  it('answers a finish that is repeated as it answered the first, also the one that lost', async () => {
    const blob = someBytes(OCI_LAYER_GZIP, 10);
    const finish = async () => {
      const session = await open();
      const { epoch } = await metadata.sessions.take(session);
      await metadata.sessions.commitExtent(session, epoch, extent(0, 10));
      return () => metadata.finishes.finish({ session, epoch, ...blob });
    };
    const [winner, loser] = [await finish(), await finish()];
    const object = await winner();
    expect([await winner(), await loser(), await loser(), await winner()]).toEqual([object, object, object, object]);
    const facts = await metadata.database.read(
      `SELECT 1 FROM outbox WHERE subject = 'entrepot.fact.blob.stored' AND message -> 'data' ->> 'digest' = $1`,
      [blob.digest],
    );
    expect(facts).toHaveLength(2);
  });

  it('is unknown once it ended, and its bytes go when it is aborted', async () => {
    const id = await open();
    const { epoch } = await metadata.sessions.take(id);
    await metadata.sessions.commitExtent(id, epoch, extent(0, 10));
    await metadata.sessions.abort(id, epoch);
    await metadata.sessions.abort(id, epoch);
    const unknown = { code: 'BLOB_UPLOAD_UNKNOWN', detail: { session: id } };
    expect(await refusal(metadata.sessions.take(id))).toEqual(unknown);
    expect(await refusal(metadata.sessions.read(id))).toEqual(unknown);
    expect(await refusal(metadata.sessions.commitExtent(id, epoch, extent(10, 1)))).toEqual(unknown);
    expect(await refusal(metadata.objects.read(id))).toMatchObject({ code: 'BLOB_UNKNOWN' });
    const finish = { session: id, epoch, ...someBytes(OCI_LAYER_GZIP, 10) };
    expect(await refusal(metadata.finishes.finish(finish))).toEqual(unknown);
    expect(await purgeAll(metadata)).toEqual([id]);
    expect(await refusal(metadata.objects.read(id))).toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('that ran out is purged, unless it was written meanwhile', async () => {
    const [idle, busy] = [await open(), await open()];
    await metadata.database.read(
      `UPDATE upload_session SET expires_at = now() - interval '1 second' WHERE id = ANY($1)`,
      [[idle, busy]],
    );
    const { epoch } = await metadata.sessions.take(busy);
    const { objects, nextInMs } = await metadata.purges.claim(10);
    expect(objects).toEqual([{ object: idle, bytes: 0 }]);
    expect(nextInMs).toBeLessThanOrEqual(60_000);
    expect(await metadata.sessions.commitExtent(busy, epoch, extent(0, 1))).toBe(1);
    expect(await metadata.purges.forget([idle, busy])).toBe(1);
  });

  it('keeps the pins of its repository while it is written, hourly, and no others', async () => {
    const [mine, other] = [someBytes(OCI_LAYER_GZIP), someBytes(OCI_LAYER_GZIP)];
    await pushBlob(metadata, 'team/long', mine);
    await pushBlob(metadata, 'team/other', other);
    await metadata.database.read(`UPDATE pin SET until = now() + interval '20 minutes'`);
    const session = await metadata.sessions.open(repositoryName('team/long'), {});
    await metadata.sessions.take(session);
    const hours = await metadata.database.read<{ digest: string; ms: number }>(
      `SELECT digest, (extract(epoch FROM until - now()) * 1000)::float8 AS ms FROM pin WHERE digest = ANY($1)`,
      [[mine.digest, other.digest]],
    );
    const left = new Map(hours.map((row) => [row.digest, row.ms]));
    expect(left.get(mine.digest)).toBeGreaterThan(23.9 * HOUR);
    expect(left.get(other.digest)).toBeLessThan(HOUR);
  });
});
