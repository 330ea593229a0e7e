import type { Digest } from '#oci/digest';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import type { RegistryError } from '#oci/registry-error';
import {
  anImage,
  fetchManifest,
  fetchWhole,
  findBlob,
  HUB,
  type Metadata,
  openMetadata,
  repositoryName,
  runFills,
  someBytes,
  writeWhole,
} from '../metadata.testing';

const NODE = repositoryName('docker.io/library/node');
const SETTINGS = { ENTREPOT_BACKOFF_MS: 60_000, ENTREPOT_ATTEMPTS: 2, ENTREPOT_LEASE_MS: 60_000 };

describe('a fill', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata(SETTINGS);
  });
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
    await metadata.database.read('DELETE FROM fill');
    await metadata.database.read('DELETE FROM outbox');
  });
  afterAll(() => metadata?.stop());

  const error = { code: 'UPSTREAM', message: 'it answered \u0000 500', detail: { status: 500 } };
  const failure = { error, temporary: true, discard: false, giveBack: false };
  const facts = async (name: string) =>
    (
      await metadata.database.read<{ digest: Digest }>(
        `SELECT message -> 'data' ->> 'digest' AS digest FROM outbox WHERE subject = $1 ORDER BY id`,
        [`entrepot.fact.blob.${name}`],
      )
    ).map((row) => row.digest);
  /** One wanted layer, claimed. */
  async function claimed() {
    const image = anImage([someBytes(OCI_LAYER_GZIP)]);
    await fetchManifest(metadata, NODE, image);
    const fills = await metadata.fills.claim('one', 64);
    for (const fill of fills.filter((each) => each.digest !== image.blobs[1]!.digest))
      await writeWhole(metadata, fill.session, fill);
    return { image, layer: image.blobs[1]!, fill: fills.find((each) => each.digest === image.blobs[1]!.digest)! };
  }
  const due = () =>
    metadata.database.read(`UPDATE fill SET due_at = now(), claimed_until = now() WHERE state <> 'done'`);
  const caught = (work: Promise<unknown>): Promise<RegistryError | null> =>
    work.then(
      () => null,
      (why: RegistryError) => why,
    );

  it('is one for a digest, an upstream and a credential, however many ask', async () => {
    const layer = someBytes(OCI_LAYER_GZIP);
    const images = [anImage([layer]), anImage([layer]), anImage([layer])];
    await Promise.all(images.map((image, n) => fetchManifest(metadata, `docker.io/library/n${n}`, image)));
    await fetchManifest(metadata, 'docker.io/library/n9', anImage([layer]), { source: { ...HUB, credential: 'c1' } });
    const claims = await Promise.all([metadata.fills.claim('a', 64), metadata.fills.claim('b', 64)]);
    const fills = claims.flat().filter((fill) => fill.digest === layer.digest);
    expect(fills.map((fill) => fill.source.credential).sort()).toEqual(['anonymous', 'c1']);
    expect((await facts('wanted')).filter((digest) => digest === layer.digest)).toHaveLength(2);
  });

  it('says where to fetch from, and is nobody else’s until its lease ends', async () => {
    const { fill, layer } = await claimed();
    expect(fill).toMatchObject({ epoch: 1, attempts: 1, source: HUB, repository: NODE, size: layer.size });
    expect(await metadata.fills.claim('two', 64)).toEqual([]);
    expect(await metadata.fills.renew([fill, { id: fill.id, epoch: 9 }])).toEqual([fill.id]);
    await due();
    const [taken] = await metadata.fills.claim('two', 64);
    expect(taken).toMatchObject({ id: fill.id, epoch: 2, attempts: 2, session: fill.session });
    expect(await metadata.fills.renew([fill])).toEqual([]);
    expect((await caught(metadata.fills.fail(fill.id, 1, failure)))?.code).toBe('STALE');
  });

  it('goes on with what is stored after a temporary failure, after its back-off', async () => {
    const { fill } = await claimed();
    const { epoch } = await metadata.sessions.take(fill.session);
    await metadata.sessions.commitExtent(fill.session, epoch, { offset: 0, length: 7, key: null });
    expect(await metadata.fills.fail(fill.id, 1, failure)).toBe(false);
    expect(await metadata.fills.fail(fill.id, 1, failure)).toBe(false);
    expect(await metadata.fills.claim('one', 64)).toEqual([]);
    expect(await metadata.fills.nextInMs()).toBeGreaterThan(40_000);
    await due();
    const [again] = await metadata.fills.claim('one', 64);
    expect(again).toMatchObject({ session: fill.session, attempts: 2 });
    expect((await metadata.sessions.read(fill.session)).offset).toBe(7);
  });

  it('waits as long as the upstream asks', async () => {
    const { fill } = await claimed();
    await metadata.fills.fail(fill.id, 1, { ...failure, retryAfterMs: 500_000 });
    expect(await metadata.fills.nextInMs()).toBeGreaterThan(400_000);
  });

  it('begins anew where its bytes were wrong, also when the upload was ended already', async () => {
    for (const endedAlready of [false, true]) {
      const { fill } = await claimed();
      if (endedAlready) await metadata.sessions.abort(fill.session);
      await metadata.fills.fail(fill.id, 1, { ...failure, discard: true });
      await due();
      const [again] = await metadata.fills.claim('one', 64);
      expect(again!.session).not.toBe(fill.session);
      expect((await metadata.purges.claim(10)).objects.map((each) => each.object)).toContain(fill.session);
      await writeWhole(metadata, again!.session, again!);
      expect(await findBlob(metadata, NODE, fill.digest)).not.toBeNull();
    }
  });

  it('that is given back counts no attempt and is due at once', async () => {
    const { fill } = await claimed();
    await metadata.fills.fail(fill.id, 1, { ...failure, giveBack: true });
    const [again] = await metadata.fills.claim('two', 64);
    expect(again).toMatchObject({ id: fill.id, attempts: 1, epoch: 2 });
  });

  it('fails when its attempts are used up, and its failure is answered for a while', async () => {
    const { fill, image } = await claimed();
    await metadata.fills.fail(fill.id, 1, failure);
    await due();
    const [last] = await metadata.fills.claim('one', 64);
    expect(await metadata.fills.fail(fill.id, last!.epoch, failure)).toBe(true);
    expect(await metadata.fills.fail(fill.id, last!.epoch, failure)).toBe(true);
    expect(await facts('failed')).toEqual([fill.digest]);
    const refused = await caught(metadata.wants.want(NODE, fill.digest, true));
    expect(refused).toMatchObject({ code: 'UPSTREAM', message: 'it answered \ufffd 500', detail: { status: 500 } });
    expect(refused?.retryAfterSeconds).toBeGreaterThan(60);
    expect(await metadata.wants.want(NODE, fill.digest, false)).toEqual({ size: 1000, mediaType: OCI_LAYER_GZIP });
    await fetchManifest(metadata, NODE, image);
    expect(await metadata.fills.claim('one', 64)).toEqual([]);
    await metadata.database.read('UPDATE fill SET due_at = now()');
    const { object } = await metadata.wants.want(NODE, fill.digest, true);
    const [anew] = await metadata.fills.claim('one', 64);
    expect(anew).toMatchObject({ attempts: 1, digest: fill.digest, session: object });
  });

  it('is claimed by turns of the upstreams, and no more of one than the worker has room for', async () => {
    const many = anImage(Array.from({ length: 8 }, () => someBytes(OCI_LAYER_GZIP)));
    await fetchManifest(metadata, 'evil.test/a', many, { source: { ...HUB, upstream: 'evil.test' } });
    await fetchManifest(metadata, NODE, anImage([someBytes(OCI_LAYER_GZIP)]));
    const room = (fills: number) => ({ perUpstream: { most: 6, held: [{ upstream: 'evil.test', fills }] } });
    const claim = async (limit: number, fills: number) =>
      (await metadata.fills.claim('one', limit, room(fills))).map(({ source }) => source.upstream).sort();
    expect(await claim(2, 1)).toEqual(['docker.io', 'evil.test']);
    expect(await claim(64, 4)).toEqual(['docker.io', 'evil.test', 'evil.test']);
    expect(await claim(64, 6)).toEqual([]);
    expect(await metadata.fills.nextInMs()).toBe(0);
    expect(await metadata.fills.nextInMs(room(6))).toBeGreaterThan(40_000);
    expect(await claim(64, 1)).toHaveLength(5);
  });

  it('is claimed for no repository that the worker has no room for, however long it has waited', async () => {
    const other = repositoryName('docker.io/library/other');
    const image = () => anImage(Array.from({ length: 5 }, () => someBytes(OCI_LAYER_GZIP)));
    for (const name of [NODE, other]) await fetchManifest(metadata, name, image());
    const room = (ofNode: number, ofOther: number) => {
      const held = [
        { repository: NODE, fills: ofNode },
        { repository: other, fills: ofOther },
      ].filter(({ fills }) => fills > 0);
      return { perUpstream: { most: 9, held: [] }, perRepository: { most: 3, held } };
    };
    const claim = async (limit: number, ofNode: number, ofOther: number) =>
      (await metadata.fills.claim('one', limit, room(ofNode, ofOther))).map(({ repository }) => repository);
    expect(await claim(4, 0, 0)).toEqual([NODE, NODE, NODE, other]);
    expect(await claim(64, 3, 1)).toEqual([other, other]);
    expect(await claim(64, 3, 3)).toEqual([]);
    expect(await metadata.fills.nextInMs(room(2, 3))).toBe(0);
    expect(await metadata.fills.nextInMs(room(3, 3))).toBeNull();
    expect(await claim(64, 2, 3)).toEqual([NODE]);
  });

  it('fails at once for a lasting reason, and when its worker died with the last attempt', async () => {
    const { fill } = await claimed();
    expect(await metadata.fills.fail(fill.id, 1, { ...failure, temporary: false })).toBe(true);
    const other = await claimed();
    await metadata.fills.fail(other.fill.id, 1, failure);
    await due();
    await metadata.fills.claim('one', 64);
    await due();
    expect(await metadata.fills.claim('two', 64)).toEqual([]);
    const rows = await metadata.database.read(`SELECT state, error ->> 'code' AS code FROM fill WHERE id = $1`, [
      other.fill.id,
    ]);
    expect(rows).toEqual([{ state: 'failed', code: 'TIMEOUT' }]);
    expect(await facts('failed')).toEqual([fill.digest, other.fill.digest]);
  });

  it('is fetched again for bytes that were lost, and swapped in under a new id', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image);
    const digest = image.blobs[1]!.digest;
    const before = await findBlob(metadata, NODE, digest);
    await metadata.objects.markLost(before!.object, 'spec');
    expect(await findBlob(metadata, NODE, digest)).toBeNull();
    const { object } = await metadata.wants.want(NODE, digest, true);
    expect(await runFills(metadata)).toEqual([digest]);
    expect((await findBlob(metadata, NODE, digest))?.object).toBe(object);
    await metadata.objects.markLost(before!.object, 'late news of the old one');
    expect(await findBlob(metadata, NODE, digest)).not.toBeNull();
    expect(await metadata.objects.read(before!.object)).toMatchObject({ state: 'condemned', lost: true });
  });
});
