import type { Tag } from '#oci/tag';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  findBlob,
  type Metadata,
  openMetadata,
  repositoryName,
  runFills,
} from './metadata.testing';

const NODE = 'docker.io/library/node';

describe('a pull, from its manifest to its bytes', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
  });
  afterAll(() => metadata?.stop());

  it('fills what is missing once, and then has it', async () => {
    const image = anImage();
    const missing = await fetchManifest(metadata, NODE, image, { tag: '20' });
    expect(missing.map((blob) => blob.digest)).toEqual(image.blobs.map((blob) => blob.digest));
    expect(await findBlob(metadata, NODE, image.blobs[0]!.digest)).toBeNull();
    const filled = await runFills(metadata);
    expect(filled.sort()).toEqual(image.blobs.map((blob) => blob.digest).sort());
    for (const { digest, size } of image.blobs) {
      expect(await findBlob(metadata, NODE, digest)).toEqual({ object: expect.any(String), size });
    }
    expect(await fetchManifest(metadata, NODE, image, { tag: '20' })).toEqual([]);
    expect(await metadata.fills.claim('spec', 64)).toEqual([]);
    const asked = [{ repository: repositoryName(NODE), tag: '20' as Tag }];
    const { manifests } = await metadata.hot.resolveTags({ tags: [...asked, { ...asked[0]!, tag: '21' as Tag }] });
    expect(manifests).toEqual([
      { digest: image.digest, mediaType: image.mediaType, size: image.size, ageMs: expect.any(Number) },
      null,
    ]);
    const read = await metadata.manifests.read(repositoryName(NODE), image.digest);
    expect(Buffer.compare(read!.bytes, image.bytes)).toBe(0);
  });

  it('holds children whichever of index and child comes first', async () => {
    const [first, second, sparse] = [anImage(), anImage(), anImage()];
    const index = anIndex([first, second, sparse]);
    await fetchWhole(metadata, NODE, first);
    await fetchManifest(metadata, NODE, index);
    expect(await metadata.manifests.read(repositoryName(NODE), second.digest)).toBeUndefined();
    await fetchWhole(metadata, NODE, second);
    const held = await metadata.database.read<{ held: string | null }>(
      'SELECT held FROM manifest_child WHERE parent = $1 ORDER BY position',
      [index.digest],
    );
    expect(held.map((row) => row.held)).toEqual([first.digest, second.digest, null]);
    expect(await metadata.manifests.read(repositoryName(NODE), second.digest)).toBeDefined();
  });
});
