import type { Tag } from '#oci/tag';
import { lockTags } from '../database/locks';
import { interleave } from '../database/two-at-once.testing';
import {
  anImage,
  anIndex,
  fetchWhole,
  type MadeManifest,
  type Metadata,
  openMetadata,
  repositoryName,
  reviewAll,
  untag,
} from '../metadata.testing';
import { knownRepository } from '../names/repository.store';

const NODE = 'docker.io/library/node';
const OTHER = 'docker.io/library/other';

/** P4 and P5 for manifests: what was said to be there stays, and what is on its way out is not said to be there. */
describe('a manifest that is said to exist', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_REVIEW_DELAY_MS: 0, ENTREPOT_GRACE_MS: 0 });
    await metadata.presence.beat();
  });
  beforeEach(() => metadata.database.read('TRUNCATE repository, manifest, object, review, outbox CASCADE'));
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });
  afterAll(() => metadata?.stop());

  const repositoryId = () => knownRepository({ query: (text, params) => metadata.database.read(text, params) }, NODE);
  const review = async ({ digest }: MadeManifest, by = metadata) =>
    by.manifestReviews.review(await repositoryId(), digest);
  const find = async ({ digest }: MadeManifest, by = metadata, name = NODE) =>
    (await by.hot.findManifests({ manifests: [{ repository: repositoryName(name), digest }] })).manifests[0];
  const resolve = async (tag: string, by = metadata) =>
    (await by.hot.resolveTags({ tags: [{ repository: repositoryName(NODE), tag: tag as Tag }] })).manifests[0];
  const pins = () =>
    metadata.database.read<{ kind: string; digest: string; name: string; hours: number }>(
      `SELECT kind, digest, name, (extract(epoch FROM until - now()) / 3600)::float8 AS hours
        FROM pin JOIN repository ON repository.id = repository_id WHERE kind = 'manifest' ORDER BY digest, name`,
    );
  const endPins = () => metadata.database.read(`UPDATE pin SET until = now(); UPDATE review SET due_at = now()`);
  /** Untagged, asked to go, and due for review. */
  async function goner(image = anImage()): Promise<MadeManifest> {
    await fetchWhole(metadata, NODE, image, { tag: 'gone' });
    await untag(metadata, NODE, 'gone');
    return image;
  }

  it.each([
    ['by digest', find],
    ['by its tag', (_: MadeManifest) => resolve('here')],
  ])('is pinned for a day, %s', async (_by, ask) => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: 'here' });
    await metadata.database.read(`DELETE FROM pin`);
    expect(await ask(image)).toMatchObject({ mediaType: image.mediaType, size: image.size });
    expect(await pins()).toEqual([
      { kind: 'manifest', digest: image.digest, name: NODE, hours: expect.closeTo(24, 1) },
    ]);
  });

  it('is pinned once in an hour, however many ask', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: 'here' });
    const written = () => metadata.database.read('SELECT xmin::text, ctid::text FROM pin');
    await Promise.all(Array.from({ length: 50 }, (_, at) => (at % 2 ? find(image) : resolve('here'))));
    const first = await written();
    await Promise.all(Array.from({ length: 50 }, (_, at) => (at % 2 ? find(image) : resolve('here'))));
    expect(await written()).toEqual(first);
    await metadata.database.read(`UPDATE pin SET until = until - interval '70 minutes'`);
    await find(image);
    expect((await pins())[0]!.hours).toBeGreaterThan(23.9);
  });

  it('is answered in the order of the questions, for its own repository alone', async () => {
    const [one, two, none] = [anImage(), anImage(), anImage()];
    await fetchWhole(metadata, NODE, one);
    await fetchWhole(metadata, OTHER, two);
    const asked = [two, none, one, two, one].map(({ digest }, at) => ({
      repository: repositoryName(at % 2 ? OTHER : NODE),
      digest,
    }));
    const { manifests } = await metadata.hot.findManifests({ manifests: asked });
    const shown = ({ mediaType, size }: MadeManifest) => ({ mediaType, size });
    expect(manifests).toEqual([null, null, shown(one), shown(two), shown(one)]);
    expect(await metadata.hot.findManifests({ manifests: asked })).toEqual({ manifests });
    expect(await pins()).toHaveLength(2);
  });

  it.each([
    ['by digest', find],
    ['by its tag', (_: MadeManifest) => resolve('gone')],
  ])('stays with all below it until the pin ends, %s', async (_by, ask) => {
    const child = anImage();
    const index = anIndex([child]);
    await fetchWhole(metadata, NODE, child);
    await fetchWhole(metadata, NODE, index, { tag: 'gone' });
    await metadata.database.read('DELETE FROM pin');
    await ask(index);
    await untag(metadata, NODE, 'gone');
    await metadata.database.read('UPDATE review SET due_at = now()');
    expect(await reviewAll(metadata)).toEqual({ condemned: 0, removed: 0 });
    await endPins();
    expect(await reviewAll(metadata)).toEqual({ condemned: 3, removed: 2 });
  });

  it('said first, reviewed second: it stays', async () => {
    const image = await goner();
    const [found, verdict] = await interleave(
      metadata,
      'metadata.pin-manifests',
      (paused) => find(image, paused),
      () => review(image),
    );
    expect(found).toMatchObject({ size: image.size });
    expect(verdict).toBe('postponed');
  });

  it('removed first, asked second: it is said not to be there', async () => {
    const image = await goner();
    const [verdict, found] = await interleave(
      metadata,
      'metadata.review-manifest',
      (paused) => review(image, paused),
      () => find(image),
    );
    expect(verdict).toBe('removed');
    expect(found).toBeNull();
  });

  it('an index said first, its child reviewed second: the child stays', async () => {
    const child = anImage();
    const index = anIndex([child]);
    await fetchWhole(metadata, NODE, child);
    await goner(index);
    await metadata.database.read('UPDATE review SET due_at = now()');
    const [found, verdict] = await interleave(
      metadata,
      'metadata.pin-manifests',
      (paused) => find(index, paused),
      () => review(child),
    );
    expect(found).toMatchObject({ size: index.size });
    expect(verdict).toBe('postponed');
  });

  it('a tag that moves while what it named is being removed names what it names then', async () => {
    const [before, after] = [anImage(), anImage()];
    await fetchWhole(metadata, NODE, before, { tag: 'moving' });
    await fetchWhole(metadata, NODE, after);
    await metadata.database.read('DELETE FROM pin; UPDATE review SET due_at = now()');
    const [, named] = await interleave(
      metadata,
      'metadata.review-manifest',
      async (paused) => {
        const id = await repositoryId();
        await paused.database.transaction('metadata.review-manifest', async (sql) => {
          await lockTags(sql, id, ['moving']);
          await sql.query('SELECT 1 FROM manifest, repository_manifest FOR UPDATE OF manifest, repository_manifest');
          await sql.query('UPDATE tag SET digest = $1', [after.digest]);
          await sql.query('DELETE FROM repository_manifest WHERE digest = $1', [before.digest]);
          await sql.query('DELETE FROM manifest WHERE digest = $1', [before.digest]);
        });
        await metadata.database.read(
          `INSERT INTO review (kind, digest, due_at) SELECT 'blob', digest, now() FROM blob ON CONFLICT DO NOTHING`,
        );
      },
      () => resolve('moving'),
    );
    expect(named).toMatchObject({ digest: after.digest });
  });
});
