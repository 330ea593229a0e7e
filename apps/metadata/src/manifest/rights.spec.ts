import type { Source } from '#contracts/calls/manifests';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import { isRegistryError } from '#oci/registry-error';
import {
  anImage,
  type Bytes,
  fetchManifest,
  fetchWhole,
  findBlob,
  HUB,
  type Metadata,
  openMetadata,
  pushBlob,
  repositoryName,
  runFills,
  someBytes,
} from '../metadata.testing';

const EVIL: Source = { upstream: 'evil.example', credential: 'anonymous' };
const SECRET: Source = { upstream: 'docker.io', credential: 'cred1' };

/** The right to bytes is a row: knowing a digest gives nothing. */
describe('the right to a blob', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
  });
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });
  afterAll(() => metadata?.stop());

  const missing = async (repository: string, layer: Bytes, source: Source, isPrivate = false) => {
    const answer = await fetchManifest(metadata, repository, anImage([layer]), { source, isPrivate, fill: false });
    return answer.map((blob) => blob.digest).includes(layer.digest);
  };

  it('is per repository: a digest known from one is not readable in another', async () => {
    const blob = someBytes(OCI_LAYER_GZIP);
    await pushBlob(metadata, 'team/a', blob);
    await pushBlob(metadata, 'team/b', someBytes(OCI_LAYER_GZIP));
    expect(await findBlob(metadata, 'team/a', blob.digest)).not.toBeNull();
    expect(await findBlob(metadata, 'team/b', blob.digest)).toBeNull();
    expect(await findBlob(metadata, 'team/none', blob.digest)).toBeNull();
    const wanted = metadata.wants.want(repositoryName('team/b'), blob.digest, true);
    expect(isRegistryError(await wanted.catch((error) => error), 'BLOB_UNKNOWN')).toBe(true);
  });

  it('is not got by an upstream that claims the digest of what was pushed here', async () => {
    const blob = someBytes(OCI_LAYER_GZIP);
    await pushBlob(metadata, 'team/a', blob);
    expect(await missing('evil.example/x', blob, EVIL)).toBe(true);
    expect(await findBlob(metadata, 'evil.example/x', blob.digest)).toBeNull();
    const { object } = await metadata.wants.want(repositoryName('evil.example/x'), blob.digest, true);
    const held = await findBlob(metadata, 'team/a', blob.digest);
    expect(object).toBeDefined();
    expect(object).not.toBe(held!.object);
  });

  it('is not got across credentials of one upstream, nor by an anonymous one', async () => {
    const layer = someBytes(OCI_LAYER_GZIP);
    const options = { source: SECRET, isPrivate: true };
    await fetchWhole(metadata, 'docker.io/corp/secret', anImage([layer]), options);
    expect(await missing('docker.io/corp/other', layer, HUB)).toBe(true);
    expect(await missing('docker.io/corp/third', layer, { ...SECRET, credential: 'cred2' }, true)).toBe(true);
    expect(await missing('docker.io/corp/fourth', layer, SECRET, true)).toBe(false);
  });

  it('is linked without download from a repository that anyone may read', async () => {
    const layer = someBytes(OCI_LAYER_GZIP);
    await fetchWhole(metadata, 'docker.io/library/base', anImage([layer]));
    expect(await missing('quay.io/some/app', layer, { upstream: 'quay.io', credential: 'cred9' }, true)).toBe(false);
    expect((await findBlob(metadata, 'quay.io/some/app', layer.digest))?.size).toBe(layer.size);
  });

  it('is not linked from a repository that became private', async () => {
    const [layer, later] = [someBytes(OCI_LAYER_GZIP), someBytes(OCI_LAYER_GZIP)];
    await fetchWhole(metadata, 'docker.io/library/turned', anImage([layer]));
    await fetchWhole(metadata, 'docker.io/library/turned', anImage([later]), { source: SECRET, isPrivate: true });
    expect(await missing('quay.io/some/app', layer, { upstream: 'quay.io', credential: 'anonymous' })).toBe(true);
  });

  it('of a fill goes to all who wait for it and may have it, and to nobody else', async () => {
    const layer = someBytes(OCI_LAYER_GZIP);
    await fetchManifest(metadata, 'docker.io/corp/one', anImage([layer]), { source: SECRET, isPrivate: true });
    await fetchManifest(metadata, 'docker.io/corp/two', anImage([layer]), { source: SECRET, isPrivate: true });
    await fetchManifest(metadata, 'evil.example/y', anImage([layer]), { source: EVIL, fill: false });
    await runFills(metadata);
    expect(await findBlob(metadata, 'docker.io/corp/one', layer.digest)).not.toBeNull();
    expect(await findBlob(metadata, 'docker.io/corp/two', layer.digest)).not.toBeNull();
    expect(await findBlob(metadata, 'evil.example/y', layer.digest)).toBeNull();
  });

  it('is got by downloading it again, where it cannot be linked: the second object is condemned', async () => {
    const layer = someBytes(OCI_LAYER_GZIP);
    const first = await pushBlob(metadata, 'team/a', layer);
    await fetchManifest(metadata, 'docker.io/library/same', anImage([layer]));
    expect(await runFills(metadata)).toContain(layer.digest);
    expect(await findBlob(metadata, 'docker.io/library/same', layer.digest)).toEqual({
      object: first,
      size: layer.size,
    });
    const objects = await metadata.database.read<{ state: string }>(
      'SELECT state FROM object WHERE digest = $1 ORDER BY id',
      [layer.digest],
    );
    expect(objects.map((object) => object.state)).toEqual(['live', 'condemned']);
  });

  it('shows a fill that runs only to repositories that list the digest', async () => {
    const layer = someBytes(OCI_LAYER_GZIP);
    await fetchManifest(metadata, 'docker.io/library/lists', anImage([layer]));
    const want = (name: string) => metadata.wants.want(repositoryName(name), layer.digest, true);
    expect(await want('docker.io/library/lists')).toEqual({
      size: layer.size,
      mediaType: layer.mediaType,
      object: expect.any(String),
    });
    const refused = await want('docker.io/library/same').catch((error) => error);
    expect(isRegistryError(refused, 'BLOB_UNKNOWN')).toBe(true);
  });
});
