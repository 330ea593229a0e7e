import { digestOf } from '#oci/digest';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import { anImage, fetchWhole, type Metadata, openMetadata, pushBlob, someBytes } from '../metadata.testing';

describe('who holds what was lost', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());

  it('is a manifest of a repository that shows it, in the order that was asked; nobody for what nothing lists', async () => {
    const image = anImage();
    await fetchWhole(metadata, 'docker.io/library/node', image);
    await fetchWhole(metadata, 'docker.io/other/node', image);
    const loose = someBytes(OCI_LAYER_GZIP);
    await pushBlob(metadata, 'team/app', loose);
    const unknown = digestOf(Buffer.from('nowhere'));
    const holder = { repository: expect.stringMatching(/^docker.io\//), upstream: 'docker.io', manifest: image.digest };
    expect(
      await metadata.objectList.holders([loose.digest, image.blobs[1]!.digest, unknown, image.blobs[0]!.digest]),
    ).toEqual([null, holder, null, holder]);
  });

  it('is asked of no digest too', async () => {
    expect(await metadata.objectList.holders([])).toEqual([]);
  });
});
