import { OCI_LAYER_GZIP } from '#oci/media-type';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type MadeManifest,
  type Metadata,
  openMetadata,
  repositoryName,
  someBytes,
} from '../metadata.testing';
import { ImageStore } from './image.store';
import { ImageConfigStore } from './image-config.store';

const ALPINE = 'docker.io/library/alpine';
/** Of a config without labels and date. */
const said = { labels: {}, created: null };

describe('the platform of an image that is in no index', () => {
  let metadata: Metadata;
  let platforms: ImageConfigStore;
  beforeAll(async () => {
    metadata = await openMetadata();
    platforms = new ImageConfigStore(metadata.database, metadata.config);
  });
  beforeEach(() => metadata.database.read('TRUNCATE repository, manifest, object, review, outbox CASCADE'));
  afterAll(() => metadata?.stop());

  const find = async (...images: MadeManifest[]) =>
    platforms.findConfigs({ images: images.map(({ digest }) => ({ repository: repositoryName(ALPINE), digest })) });
  const listed = async () =>
    (await new ImageStore(metadata.database).list({ limit: 10 })).images.map((each) => each.platforms);

  it('stands in its config, where that is here', async () => {
    const [here, absent, unknown] = [anImage(), anImage(), anImage()];
    await fetchWhole(metadata, ALPINE, here);
    await fetchManifest(metadata, ALPINE, absent, { fill: false });
    await fetchWhole(metadata, 'docker.io/library/other', unknown);
    const { 0: config } = here.blobs;
    expect(await find(unknown, here, absent)).toEqual([null, { object: expect.any(String), size: config!.size }, null]);
  });

  it('is recorded once, and asked for no more', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image);
    await platforms.record([
      { manifest: image.digest, platform: { os: 'linux', architecture: 'arm', variant: 'v6' }, ...said },
    ]);
    await platforms.record([{ manifest: image.digest, platform: { os: 'other', architecture: 'wrong' }, ...said }]);
    expect(await listed()).toEqual([['linux/arm/v6']]);
    expect(await find(image)).toEqual([null]);
  });

  it('that cannot be read is none, and is asked for no more', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image);
    await platforms.record([{ manifest: image.digest, platform: null, ...said }]);
    expect(await listed()).toEqual([[]]);
    expect(await find(image)).toEqual([null]);
  });

  it('is not looked for in an index, nor in what is no image config, nor in a huge one', async () => {
    const child = anImage();
    const index = anIndex([child]);
    const artifact = anImage([someBytes(OCI_LAYER_GZIP)], {
      config: someBytes('application/vnd.cncf.helm.config.v1+json'),
    });
    for (const each of [child, index, artifact]) await fetchManifest(metadata, ALPINE, each);
    expect(await find(index, artifact)).toEqual([null, null]);
    await fetchWhole(metadata, ALPINE, child);
    expect(await find(child)).not.toEqual([null]);
    await metadata.database.read('UPDATE manifest_blob SET size = 1024 * 1024 + 1 WHERE manifest = $1', [child.digest]);
    expect(await find(child)).toEqual([null]);
  });

  it('comes with its labels and its date, once', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image);
    const facts = { platform: null, labels: { team: 'red' }, created: '2026-01-02T03:04:05.000Z' };
    await platforms.record([{ manifest: image.digest, ...facts }]);
    await platforms.record([{ manifest: image.digest, ...facts, labels: { team: 'blue' } }]);
    expect(await metadata.database.read('SELECT labels, created_at FROM image_config')).toEqual([
      { labels: { team: 'red' }, created_at: new Date(facts.created) },
    ]);
  });
});

describe('configs that were not read yet', () => {
  let metadata: Metadata;
  let configs: ImageConfigStore;
  beforeAll(async () => {
    metadata = await openMetadata();
    configs = new ImageConfigStore(metadata.database, metadata.config);
  });
  beforeEach(() => metadata.database.read('TRUNCATE repository, manifest, object, review, outbox CASCADE'));
  afterAll(() => metadata?.stop());
  const taken = async (limit = 10) => (await configs.take(limit)).configs.map(({ manifest }) => manifest);

  it('are taken once they are here, each by one, and not again once they were recorded', async () => {
    const [here, coming, other] = [anImage(), anImage(), anImage()];
    await fetchManifest(metadata, ALPINE, coming, { fill: false });
    expect(await taken()).toEqual([]);
    await fetchWhole(metadata, ALPINE, here);
    await fetchWhole(metadata, ALPINE, other);
    expect(await configs.take(1)).toEqual({
      configs: [{ manifest: here.digest, object: expect.any(String), size: here.blobs[0]!.size }],
      nextInMs: expect.any(Number),
    });
    expect(await taken()).toEqual([other.digest]);
    expect(await taken()).toEqual([]);
    await configs.record([{ manifest: here.digest, platform: null, ...said }]);
    await metadata.database.read('UPDATE image_config SET due_at = now()');
    expect(await taken()).toEqual([other.digest]);
  });

  it('are none of an index, nor of what is no image', async () => {
    const artifact = anImage([], { config: someBytes('application/vnd.cncf.helm.config.v1+json') });
    await fetchWhole(metadata, ALPINE, artifact);
    await fetchManifest(metadata, ALPINE, anIndex([artifact]));
    expect(await metadata.database.read('SELECT FROM image_config')).toEqual([]);
  });

  it('go with their manifest', async () => {
    const image = anImage();
    await fetchManifest(metadata, ALPINE, image, { fill: false });
    await metadata.database.read('DELETE FROM repository_manifest');
    await metadata.database.read('DELETE FROM manifest');
    expect(await metadata.database.read('SELECT FROM image_config')).toEqual([]);
  });
});
