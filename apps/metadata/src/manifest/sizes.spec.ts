import { OCI_LAYER_GZIP } from '#oci/media-type';
import {
  anImage,
  fetchManifest,
  fetchWhole,
  type Metadata,
  openMetadata,
  runFills,
  someBytes,
} from '../metadata.testing';

const ALPINE = 'docker.io/library/alpine';

describe('a manifest that says another size than the bytes have', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
  });
  afterAll(() => metadata?.stop());

  const heldBy = async (manifest: string, digest: string) => {
    const [row] = await metadata.database.read<{ held: string | null }>(
      'SELECT held FROM manifest_blob WHERE manifest = $1 AND digest = $2',
      [manifest, digest],
    );
    return row?.held ?? null;
  };

  test('is refused where the bytes are here, and names the upstream and the digest', async () => {
    const layer = someBytes(OCI_LAYER_GZIP);
    await fetchWhole(metadata, ALPINE, anImage([layer]));
    const lying = anImage([{ ...layer, size: layer.size + 1 }]);
    await expect(fetchManifest(metadata, ALPINE, lying)).rejects.toMatchObject({
      code: 'UPSTREAM',
      message: expect.stringContaining(layer.digest),
    });
  });

  test('never holds bytes that come later, and no rule of rows is broken', async () => {
    const layer = someBytes(OCI_LAYER_GZIP);
    const lying = anImage([{ ...layer, size: layer.size + 1 }]);
    const honest = anImage([layer]);
    await fetchManifest(metadata, ALPINE, lying, { fill: false });
    await fetchManifest(metadata, ALPINE, honest);
    await runFills(metadata);
    expect(await heldBy(honest.digest, layer.digest)).toBe(layer.digest);
    expect(await heldBy(lying.digest, layer.digest)).toBeNull();
    expect(await metadata.rows.check()).toEqual([]);
  });
});
