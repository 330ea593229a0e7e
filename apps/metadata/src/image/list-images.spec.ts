import type { ImageSort } from '#contracts/calls/images';
import { ANONYMOUS } from '#contracts/principal';
import { OCI_CONFIG, OCI_LAYER_GZIP } from '#oci/media-type';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type MadeManifest,
  type Metadata,
  openMetadata,
  someBytes,
} from '../metadata.testing';
import { type ImageQuestion, ImageStore } from './image.store';
import { ImageConfigStore } from './image-config.store';

const APP = 'docker.io/team/app';
const BASE = 'docker.io/library/base';
type Filter = Omit<ImageQuestion, 'limit'>;

describe('a list of images', () => {
  let metadata: Metadata;
  let images: ImageStore;
  let small: MadeManifest;
  let large: MadeManifest;
  let untagged: MadeManifest;
  let index: MadeManifest;
  let arm: MadeManifest;

  const sized = (bytes: number) => anImage([someBytes(OCI_LAYER_GZIP, bytes)], { config: someBytes(OCI_CONFIG, 10) });
  const say = (image: MadeManifest, labels: Record<string, string>, architecture = 'amd64') =>
    new ImageConfigStore(metadata.database, metadata.config).record([
      { manifest: image.digest, platform: { os: 'linux', architecture }, labels, created: null },
    ]);
  const at = (image: MadeManifest, committed: string, pulled?: string) =>
    metadata.database.transaction('metadata.age-images', async (sql) => {
      await sql.query('UPDATE repository_manifest SET committed_at = $2 WHERE digest = $1', [image.digest, committed]);
      if (pulled === undefined) return;
      await sql.query(
        `INSERT INTO pull_count (repository_id, digest, pulls, pulled_at)
          SELECT repository_id, digest, 1, $2 FROM repository_manifest WHERE digest = $1`,
        [image.digest, pulled],
      );
    });

  beforeAll(async () => {
    metadata = await openMetadata();
    images = new ImageStore(metadata.database);
    [small, large, untagged, arm] = [sized(100), sized(5_000), sized(700), sized(900)];
    index = anIndex([arm]);
    await fetchWhole(metadata, APP, small, { tag: 'v1' });
    await fetchManifest(metadata, APP, small, { tag: 'v1.0' });
    await fetchWhole(metadata, APP, large, { tag: 'v2_x' });
    await fetchWhole(metadata, BASE, untagged);
    await fetchManifest(metadata, BASE, index, { tag: 'multi' });
    await fetchWhole(metadata, BASE, arm);
    await say(small, { team: 'red', 'org.name/x': 'a"b' });
    await say(large, { team: 'blue' });
    await say(arm, { team: 'red' }, 'arm64');
    await at(small, '2026-01-01T00:00:00Z', '2026-03-03T00:00:00Z');
    await at(large, '2026-01-02T00:00:00Z');
    await at(untagged, '2026-01-03T00:00:00Z', '2026-03-01T00:00:00Z');
    await at(index, '2026-01-04T00:00:00Z');
    await metadata.database.read(
      `INSERT INTO container (id, name, repository_id, digest, state, principal)
        SELECT 'c1', 'used', repository_id, digest, 'created', $2 FROM repository_manifest WHERE digest = $1`,
      [arm.digest, ANONYMOUS],
    );
  });
  afterAll(() => metadata?.stop());

  const digestsOf = async (filter: Filter, limit = 100) =>
    (await images.list({ ...filter, limit })).images.map(({ digest }) => digest);
  const namesOf = (digests: readonly string[]) =>
    digests.map(
      (digest) => Object.entries({ small, large, untagged, index }).find(([, made]) => made.digest === digest)?.[0],
    );
  const listed = async (filter: Filter) => namesOf(await digestsOf(filter)).sort();

  it.each<[string, Filter, string[]]>([
    ['a repository', { repository: APP }, ['large', 'small']],
    ['a pattern of repositories', { repository: 'docker.io/*/b?se' }, ['index', 'untagged']],
    ['no repository', { repository: 'docker.io/team' }, []],
    ['a tag', { tag: 'v1' }, ['small']],
    ['a pattern of tags', { tag: 'v*' }, ['large', 'small']],
    ['a sign that is not to be a pattern', { tag: 'v2?x' }, ['large']],
    ['no tag', { dangling: true }, ['untagged']],
    ['a tag, whichever', { dangling: false }, ['index', 'large', 'small']],
    ['a container that uses what it lists', { inUse: true }, ['index']],
    ['no container', { inUse: false }, ['large', 'small', 'untagged']],
    ['when it came', { since: '2026-01-02T00:00:00Z', before: '2026-01-04T00:00:00Z' }, ['large', 'untagged']],
    ['a label', { labels: ['team'] }, ['index', 'large', 'small']],
    ['a label and its value', { labels: ['team=red'] }, ['index', 'small']],
    ['several labels', { labels: ['team=red', 'org.name/x'] }, ['small']],
    ['a label with signs', { labels: ['org.name/x=a"b'] }, ['small']],
    ['a label that nobody has', { labels: ['te"am', '$.x', "a' OR true"] }, []],
    ['a platform', { platform: 'linux/amd64' }, ['large', 'small']],
    ["a platform of an index's image, by another spelling", { platform: 'Linux/aarch64/v8' }, ['index']],
    ['a size', { minSize: 600, maxSize: 1_000 }, ['index', 'untagged']],
    ['all of it', { repository: APP, tag: 'v*', labels: ['team'], minSize: 1_000, platform: 'linux/amd64' }, ['large']],
  ])('is narrowed to %s', async (_what, filter, expected) => {
    expect(await listed(filter)).toEqual(expected);
  });

  it.each<[ImageSort, string[]]>([
    ['created', ['index', 'untagged', 'large', 'small']],
    ['pulled', ['small', 'untagged', 'index', 'large']],
    ['size', ['large', 'index', 'untagged', 'small']],
  ])('is sorted by %s', async (sort, expected) => {
    expect(namesOf(await digestsOf({ sort }))).toEqual(expected);
  });

  it.each<Filter>([
    {},
    { sort: 'created' },
    { sort: 'pulled' },
    { sort: 'size' },
    { sort: 'name', minSize: 1 },
    { sort: 'created', labels: ['team'] },
    { sort: 'created', maxSize: 10_000 },
  ])('has each image once over its pages: %j', async (filter) => {
    const whole = await digestsOf(filter);
    const seen: string[] = [];
    for (let after: string | undefined, more = true; more; ) {
      const page = await images.list({ ...filter, limit: 1, ...(after === undefined ? {} : { after }) });
      seen.push(...page.images.map(({ digest }) => digest));
      after = page.next ?? undefined;
      more = page.next !== null;
    }
    expect(seen).toEqual(whole);
  });

  const NOBODYS = ['9'.repeat(19), '9223372036854775807', '-9223372036854775808', '-', '--1', ''];
  it.each(['x', '~a@b', `5~${APP}@sha256:1`, ...NOBODYS.map((key) => `${key}~${APP}@sha256:${'a'.repeat(64)}`)])(
    'is not gone on with from %s',
    async (after) => {
      await expect(images.list({ sort: 'created', after, limit: 1 })).rejects.toMatchObject({
        code: 'INVALID',
        detail: { field: 'after' },
      });
    },
  );

  it('by name is not gone on with as one of another sort', async () => {
    const { next } = await images.list({ limit: 1 });
    await expect(images.list({ sort: 'size', after: next!, limit: 1 })).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('of more than can be sorted is refused, until it is narrowed', async () => {
    await metadata.database.read(`INSERT INTO manifest (digest, media_type, kind, bytes)
      SELECT 'sha256:' || lpad(to_hex(n), 64, '0'), 'a/b', 'other', '{}' FROM generate_series(1, 2000) n`);
    await metadata.database.read(`INSERT INTO repository_manifest (repository_id, digest)
      SELECT repository.id, manifest.digest FROM repository, manifest
      WHERE repository.name = '${BASE}' AND manifest.media_type = 'a/b'`);
    await expect(images.list({ sort: 'size', limit: 1 })).rejects.toMatchObject({ code: 'INVALID' });
    expect(namesOf(await digestsOf({ sort: 'size', repository: APP }))).toEqual(['large', 'small']);
    expect(await digestsOf({ sort: 'created' }, 1)).toHaveLength(1);
  });

  it.each<ImageSort>(['name', 'created'])(
    'by %s looks at so many and says where it goes on: what few have is found over its pages',
    async (sort) => {
      const seen: string[] = [];
      const sizes: number[] = [];
      for (let after: string | undefined, more = true; more; ) {
        const filter = { sort, labels: ['team=red'], ...(after === undefined ? {} : { after }) };
        const page = await images.list({ ...filter, limit: 100 });
        seen.push(...page.images.map(({ digest }) => digest));
        sizes.push(page.images.length);
        after = page.next ?? undefined;
        more = page.next !== null;
      }
      expect(namesOf(seen).sort()).toEqual(['index', 'small']);
      expect(sizes.length).toBe(2);
    },
  );
});
