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
import { ImagePlatformStore } from './image-platform.store';

const ALPINE = 'docker.io/library/alpine';

describe('the platform of an image that is in no index', () => {
  let metadata: Metadata;
  let platforms: ImagePlatformStore;
  beforeAll(async () => {
    metadata = await openMetadata();
    platforms = new ImagePlatformStore(metadata.database);
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
    await platforms.record([{ manifest: image.digest, platform: { os: 'linux', architecture: 'arm', variant: 'v6' } }]);
    await platforms.record([{ manifest: image.digest, platform: { os: 'other', architecture: 'wrong' } }]);
    expect(await listed()).toEqual([['linux/arm/v6']]);
    expect(await find(image)).toEqual([null]);
  });

  it('that cannot be read is none, and is asked for no more', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image);
    await platforms.record([{ manifest: image.digest, platform: null }]);
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
});
