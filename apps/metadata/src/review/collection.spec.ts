import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  findBlob,
  type Metadata,
  openMetadata,
  purgeAll,
  reviewAll,
  untag,
} from '../metadata.testing';

const NODE = 'docker.io/library/node';
const SHORT = { ENTREPOT_PIN_MS: 1, ENTREPOT_PIN_WRITE_MS: 0, ENTREPOT_REVIEW_DELAY_MS: 0, ENTREPOT_GRACE_MS: 0 };

describe('collection', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata(SHORT);
    await metadata.presence.beat();
  });
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });
  afterAll(() => metadata?.stop());

  it('takes an untagged image through its whole life', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: '1' });
    expect(await reviewAll(metadata)).toEqual({ condemned: 0, removed: 0 });
    await untag(metadata, NODE, '1');
    expect(await reviewAll(metadata)).toEqual({ condemned: 3, removed: 1 });
    expect(await findBlob(metadata, NODE, image.blobs[0]!.digest)).toBeNull();
    const purged = await purgeAll(metadata);
    expect(purged).toHaveLength(3);
    for (const table of ['object', 'extent', 'blob', 'manifest', 'manifest_blob', 'repository_blob', 'upload_session'])
      expect([table, await metadata.database.read(`SELECT * FROM ${table}`)]).toEqual([table, []]);
  });

  it('keeps children by their index, and what two images share by either', async () => {
    const [first, second] = [anImage(), anImage()];
    const shares = anImage([first.blobs[1] as never]);
    const index = anIndex([first, second]);
    await fetchManifest(metadata, NODE, index, { tag: 'multi' });
    await fetchWhole(metadata, NODE, first);
    await fetchWhole(metadata, NODE, second);
    await fetchWhole(metadata, NODE, shares, { tag: 'shares' });
    expect(await reviewAll(metadata)).toEqual({ condemned: 0, removed: 0 });
    await untag(metadata, NODE, 'multi');
    expect(await reviewAll(metadata)).toEqual({ condemned: 5, removed: 3 });
    expect(await findBlob(metadata, NODE, first.blobs[1]!.digest)).not.toBeNull();
    await untag(metadata, NODE, 'shares');
    await reviewAll(metadata);
    expect(await metadata.database.read('SELECT * FROM blob')).toEqual([]);
  });
});
