import {
  anImage,
  anIndex,
  type Bytes,
  fetchManifest,
  fetchWhole,
  type MadeManifest,
  type Metadata,
  openMetadata,
} from './metadata.testing';

const NODE = 'docker.io/library/node';

/** What code decides, Postgres holds: whoever gets it wrong is refused by a constraint. */
describe('Postgres itself refuses', () => {
  let metadata: Metadata;
  let image: MadeManifest;
  let layer: Bytes;
  beforeAll(async () => {
    metadata = await openMetadata();
    image = anImage();
    layer = image.blobs[1]!;
    await fetchManifest(metadata, NODE, anIndex([image]), { tag: 'index' });
    await fetchWhole(metadata, NODE, image, { tag: 'image' });
  });
  afterAll(() => metadata?.stop());

  const refused = (text: string, params: unknown[], constraint: string) =>
    expect(metadata.database.read(text, params)).rejects.toThrow(constraint);

  it('to condemn a digest that a manifest holds', () =>
    refused('DELETE FROM blob WHERE digest = $1', [layer.digest], 'manifest_blob_held_fkey'));

  it('to condemn or purge an object that a digest names', () =>
    refused(
      `UPDATE object SET state = 'condemned', purge_after = now() WHERE digest = $1`,
      [layer.digest],
      'blob_lives',
    ));

  it('to name an object that is not live', async () => {
    await metadata.database.read(
      `INSERT INTO object (id, state, digest, size, purge_after) VALUES
        ('00000000-0000-4000-8000-000000000001', 'condemned', 'sha256:1', 1, now())`,
    );
    const insert = `INSERT INTO blob (digest, object_id, size) VALUES ('sha256:1', $1, 1)`;
    await refused(insert, ['00000000-0000-4000-8000-000000000001'], 'blob_lives');
  });

  it('to forget an object that a digest names', () =>
    refused('DELETE FROM object WHERE digest = $1', [layer.digest], 'blob_lives'));

  it('to hold what is not there, or another digest than the listed one', async () => {
    const hold = 'UPDATE manifest_blob SET held = $1 WHERE digest = $2';
    await refused(hold, [image.blobs[0]!.digest, layer.digest], 'manifest_blob_check');
    await metadata.database.read(
      `INSERT INTO manifest_blob (manifest, digest, position, role, media_type, size) VALUES ($1, 'sha256:2', 9, 'layer', '', 1)`,
      [image.digest],
    );
    await refused(hold, ['sha256:2', 'sha256:2'], 'manifest_blob_held_fkey');
  });

  it('to take away a manifest that an index holds, or that a repository shows', async () => {
    await refused('DELETE FROM manifest WHERE digest = $1', [image.digest], 'fkey');
  });

  it('to take a tagged manifest out of its repository', () =>
    refused('DELETE FROM repository_manifest WHERE digest = $1', [image.digest], 'tag_names_manifest'));
});
