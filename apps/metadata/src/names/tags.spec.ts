import { OCI_LAYER_GZIP } from '#oci/media-type';
import type { Tag } from '#oci/tag';
import {
  anImage,
  fetchManifest,
  HUB,
  type Metadata,
  openMetadata,
  repositoryName,
  someBytes,
} from '../metadata.testing';

const NODE = repositoryName('docker.io/library/node');

describe('a tag', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
  });
  afterAll(() => metadata?.stop());

  const resolve = async (name: string, repository = NODE) =>
    (await metadata.hot.resolveTags({ tags: [{ repository, tag: name as Tag }] })).manifests[0] ?? null;
  const moves = async (name: string) =>
    (
      await metadata.database.read<{ data: { from: string; to: string } }>(
        `SELECT message -> 'data' AS data FROM outbox WHERE subject = 'entrepot.fact.tag.moved'
          AND message ->> 'subject' = $1 ORDER BY id`,
        [`${NODE}:${name}`],
      )
    ).map((row) => row.data);

  it('is written only by what was asked later, and says so once', async () => {
    const [first, second] = [anImage(), anImage()];
    await fetchManifest(metadata, NODE, first, { tag: 'latest', askedMsAgo: 1000 });
    await fetchManifest(metadata, NODE, second, { tag: 'latest', askedMsAgo: 60_000 });
    expect((await resolve('latest'))?.digest).toBe(first.digest);
    await fetchManifest(metadata, NODE, first, { tag: 'latest', askedMsAgo: 500 });
    await fetchManifest(metadata, NODE, second, { tag: 'latest', askedMsAgo: 0 });
    expect((await resolve('latest'))?.digest).toBe(second.digest);
    expect(await moves('latest')).toMatchObject([
      { from: null, to: first.digest },
      { from: first.digest, to: second.digest },
    ]);
  });

  it('that moved has what it named reviewed', async () => {
    const [first, second] = [anImage(), anImage()];
    await fetchManifest(metadata, NODE, first, { tag: 'moving' });
    await metadata.database.read('DELETE FROM review');
    await fetchManifest(metadata, NODE, second, { tag: 'moving' });
    const queued = await metadata.database.read<{ digest: string }>('SELECT digest FROM review ORDER BY due_at');
    expect(queued.map((row) => row.digest)).toEqual([first.digest, second.digest]);
  });

  it('grows older until its upstream is asked, and is not made younger by what it no longer names', async () => {
    const [first, second] = [anImage(), anImage()];
    await fetchManifest(metadata, NODE, first, { tag: 'aging', askedMsAgo: 90_000 });
    expect((await resolve('aging'))?.ageMs).toBeGreaterThanOrEqual(90_000);
    expect(await metadata.tags.confirm(NODE, 'aging' as Tag, second.digest, 0)).toBe(false);
    expect((await resolve('aging'))?.ageMs).toBeGreaterThanOrEqual(90_000);
    expect(await metadata.tags.confirm(NODE, 'aging' as Tag, first.digest, 1000)).toBe(true);
    expect(await metadata.tags.confirm(NODE, 'aging' as Tag, first.digest, 50_000)).toBe(true);
    const { ageMs } = (await resolve('aging'))!;
    expect(ageMs).toBeGreaterThanOrEqual(1000);
    expect(ageMs).toBeLessThan(30_000);
  });

  it('is answered in the order of the questions, each by its own repository', async () => {
    const images = [anImage(), anImage()];
    const other = repositoryName('docker.io/library/other');
    await fetchManifest(metadata, NODE, images[0]!, { tag: 'same' });
    await fetchManifest(metadata, other, images[1]!, { tag: 'same' });
    const tags = [other, repositoryName('no/such'), NODE, other].map((repository) => ({
      repository,
      tag: 'same' as Tag,
    }));
    const { manifests } = await metadata.hot.resolveTags({ tags });
    expect(manifests.map((each) => each?.digest)).toEqual([
      images[1]!.digest,
      undefined,
      images[0]!.digest,
      images[1]!.digest,
    ]);
  });

  it('is listed in the order of bytes, by pages, and an unknown repository is not found', async () => {
    const listed = repositoryName('docker.io/library/listed');
    const image = anImage();
    for (const tag of ['b', 'B', 'a1', 'a', 'A', '10', '9', '_']) await fetchManifest(metadata, listed, image, { tag });
    const order = ['10', '9', 'A', 'B', '_', 'a', 'a1', 'b'];
    expect(await metadata.tags.list(listed, '', 1000)).toEqual({ found: true, tags: order, more: false });
    expect(await metadata.tags.list(listed, 'A', 2)).toEqual({ found: true, tags: ['B', '_'], more: true });
    expect(await metadata.tags.list(listed, 'a1', 1)).toEqual({ found: true, tags: ['b'], more: false });
    expect(await metadata.tags.list(listed, '', 0)).toEqual({ found: true, tags: [], more: false });
    expect(await metadata.tags.list(repositoryName('no/such'), '', 1)).toEqual({ found: false, tags: [], more: false });
  });

  it('survives the loss of the connection of the hot questions', async () => {
    await fetchManifest(metadata, NODE, anImage(), { tag: 'again', source: HUB });
    await metadata.database.read(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'entrepot hot questions'`,
    );
    expect(await Promise.all([resolve('again'), resolve('again')])).not.toContain(null);
    await metadata.postgres.kill();
    await expect(resolve('again')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await metadata.postgres.start();
    expect(await resolve('again')).not.toBeNull();
  });

  it('names a manifest whose text Postgres would not keep', async () => {
    const strange = anImage([someBytes(OCI_LAYER_GZIP)], {
      annotations: { 'a\u0000': 'b\u0000', half: '\ud800' },
      artifactType: 'x\u0000/y',
    });
    await fetchManifest(metadata, NODE, strange, { tag: 'strange' });
    expect((await resolve('strange'))?.digest).toBe(strange.digest);
  });
});
