import type { InspectImage } from '#contracts/calls/inspect';
import type { AnswerOf } from '#contracts/define-call';
import { ANONYMOUS } from '#contracts/principal';
import type { RegistryError } from '#oci/registry-error';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type Metadata,
  openMetadata,
  repositoryName,
} from '../metadata.testing';
import { InspectImageStore } from './inspect-image.store';

const NODE = 'docker.io/library/node';

describe('an image that is looked into', () => {
  let metadata: Metadata;
  let store: InspectImageStore;
  beforeAll(async () => {
    metadata = await openMetadata();
    store = new InspectImageStore(metadata.database, metadata.names);
  });
  afterAll(() => metadata?.stop());

  const inspect = (reference: string): Promise<AnswerOf<typeof InspectImage>> => store.inspect({ reference });
  const tag = (source: string, target: string) =>
    metadata.operations.accept({
      principal: ANONYMOUS,
      requestId: `${source} ${target}`,
      kind: 'tag',
      body: { source, target },
    });

  it('is the same by each of its names, and has them all', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: 'named' });
    await tag('node:named', 'localhost:5050/team/app:1');
    const config = image.blobs[0]!.digest;
    const references = ['node:named', `node@${image.digest}`, `node:named@${image.digest}`, image.digest, config];
    for (const reference of [...references, image.digest.slice(7, 19), config.slice(7, 19)]) {
      expect(await inspect(reference)).toMatchObject({ digest: image.digest });
    }
    const found = await inspect('localhost:5050/team/app:1');
    expect(found).toMatchObject({
      repository: 'team/app',
      tag: '1',
      upstream: null,
      kind: 'image',
      repositories: { first: [NODE, 'team/app'], count: 2 },
      size: image.blobs.reduce((sum, { size }) => sum + size, 0),
      own: { held: true, complete: true },
    });
    expect(found.tags.first.map((each) => `${each.repository}:${each.tag}`)).toEqual([`${NODE}:named`, 'team/app:1']);
    expect(found.tags.count).toBe(2);
  });

  it('says what an index lists, and what of it is here', async () => {
    const [held, sparse] = [anImage(), anImage()];
    const index = anIndex([held, sparse]);
    await fetchManifest(metadata, NODE, index, { tag: 'index' });
    await fetchWhole(metadata, NODE, held);
    const { members, size, kind } = await inspect('node:index');
    const bytes = held.blobs.reduce((sum, blob) => sum + blob.size, 0);
    expect(members.map(({ digest, ...member }) => [digest, member.held, member.complete, member.size])).toEqual([
      [held.digest, true, true, bytes],
      [sparse.digest, false, false, 0],
    ]);
    expect({ size, kind }).toEqual({ size: bytes, kind: 'index' });
  });

  it('is used where a container runs one of the images that it lists, as a remove says', async () => {
    const child = anImage();
    await fetchWhole(metadata, NODE, child);
    await fetchManifest(metadata, NODE, anIndex([child]), { tag: 'runs' });
    const containers = ['one', 'two'].map((id) => ({ id, name: id, image: 'node:runs', state: 'running' }));
    const body = {
      reporter: 'cluster',
      holder: 'h',
      containers: [{ ...containers[0], digest: child.digest }, containers[1]],
    };
    await metadata.operations.accept({ principal: ANONYMOUS, requestId: 'runs', kind: 'container-report', body });
    const { containers: used } = await inspect('node:runs');
    expect({ count: used.count, names: used.first.map(({ name }) => name) }).toEqual({
      ...{ count: 2, names: ['cluster/one', 'cluster/two'] },
    });
    expect((await inspect(child.digest)).containers).toMatchObject({ count: 1, first: [{ name: 'cluster/one' }] });
  });

  it('that is still coming is not complete', async () => {
    const image = anImage();
    await fetchManifest(metadata, NODE, image, { tag: 'coming' });
    expect(await inspect('node:coming')).toMatchObject({ size: 0, own: { complete: false } });
    const parts = await store.parts({ repository: repositoryName(NODE), digest: image.digest });
    expect(parts.config).toMatchObject({ digest: image.blobs[0]!.digest, object: null });
    expect(parts.layers.map(({ held }) => held)).toEqual([false, false]);
  });

  it('shows its parts in their order, and in a repository that shows it', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: 'parts' });
    const parts = await store.parts({ repository: repositoryName(NODE), digest: image.digest });
    expect(parts.config?.object).toEqual(expect.any(String));
    expect(parts.layers.map(({ digest }) => digest)).toEqual(image.blobs.slice(1).map(({ digest }) => digest));
    await expect(store.parts({ repository: repositoryName('team/other'), digest: image.digest })).rejects.toMatchObject(
      {
        code: 'MANIFEST_UNKNOWN',
      },
    );
  });

  it('is told from others whose ids begin alike', async () => {
    await expect(inspect('node:absent')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(inspect('abcd')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(inspect('a')).rejects.toThrow('image a was not found: of an id, give the first four digits or more');
    await expect(inspect('Not A Name')).rejects.toMatchObject({ code: 'INVALID', detail: { field: 'reference' } });
    await metadata.database.read(`INSERT INTO manifest (digest, media_type, kind, bytes)
      SELECT 'sha256:' || 'abcd' || lpad(to_hex(n), 60, '0'), 'a/b', 'other', '{}' FROM generate_series(1, 30) n`);
    await metadata.database.read(`INSERT INTO repository_manifest (repository_id, digest)
      SELECT repository.id, manifest.digest FROM repository, manifest
      WHERE repository.name = 'team/app' AND manifest.media_type = 'a/b'`);
    const error = await inspect('abcd').catch((refused: RegistryError) => refused);
    expect(error).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('30 images') });
    expect((error as RegistryError).detail).toEqual({ candidates: expect.any(Array) });
    expect((error as { detail: { candidates: unknown[] } }).detail.candidates).toHaveLength(20);
    expect(await inspect(`abcd${'0'.repeat(58)}1e`)).toMatchObject({ kind: 'other' });
  });
});
