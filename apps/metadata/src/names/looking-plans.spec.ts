import type { ImageFilter } from '#contracts/calls/images';
import { DESCRIBE_STATEMENTS } from '../blob/blob-references.store';
import { SHOWN_IMAGES } from '../blob/shown-images';
import { HOLDING } from '../container/find-reported-image';
import { BY_ID } from '../image/image-name.store';
import { byAge, byName, edgeByAge, edgeByName, listOf } from '../image/list-images';
import { narrowImages } from '../image/narrow-images';
import { LAYERS, MEMBERS, sharingOf } from '../image/shared-layers.store';
import { type Metadata, openMetadata } from '../metadata.testing';
import { END_RIGHTS, READ_COMMON } from '../review/blob-review.store';
import { LARGEST } from '../usage/usage.store';
import { LIST_REPOSITORIES, REPOSITORY_EDGE } from './repository-list.store';
import { LIST_MOVES, LIST_TAGS, TAG_EDGE } from './tag-list.store';

/** Many repositories, one of which has very many tags; a layer that every image has, and others that two have. */
const FILL = `
  INSERT INTO repository (name, upstream) SELECT 'docker.io/filler/r' || n, 'docker.io' FROM generate_series(1, 80000) n;
  INSERT INTO manifest (digest, media_type, kind, bytes)
    SELECT 'sha256:' || md5(n::text) || md5('x' || n), 'a/b', 'image', '{}' FROM generate_series(1, 20000) n;
  INSERT INTO repository_manifest (repository_id, digest, committed_at)
    SELECT 1, digest, now() - abs(hashtext(digest)) * interval '1 second' FROM manifest;
  INSERT INTO repository_manifest (repository_id, digest) SELECT 2 + abs(hashtext(digest)) % 19999, digest FROM manifest;
  INSERT INTO tag (repository_id, name, digest) SELECT 1, 't' || row_number() OVER (), digest FROM manifest, generate_series(1, 4);
  INSERT INTO tag_move (repository_id, name, to_digest, principal) SELECT 1, name, digest, 'p' FROM tag, generate_series(1, 2);
  INSERT INTO object (id, state, digest, size)
    SELECT gen_random_uuid(), 'live', 'sha256:' || md5('b' || n) || md5('y' || n), 10 FROM generate_series(0, 40000) n;
  INSERT INTO object (id, state, digest, size, purge_after)
    SELECT gen_random_uuid(), 'condemned', 'sha256:' || md5('c' || n) || md5('z' || n), 10, now() FROM generate_series(0, 20000) n;
  INSERT INTO blob (digest, object_id, size) SELECT digest, id, size FROM object WHERE state = 'live';
  INSERT INTO manifest_blob (manifest, digest, position, role, media_type, size, held)
    SELECT 'sha256:' || md5(n::text) || md5('x' || n), layer, 0, 'layer', 'a/b', 10, layer FROM generate_series(1, 20000) n,
      LATERAL (SELECT 'sha256:' || md5('b' || k) || md5('y' || k) AS layer FROM unnest(ARRAY[0, n, n + 1]) k) AS layers;
  INSERT INTO manifest_child (parent, digest, position, media_type, size, held)
    SELECT 'sha256:' || md5(n::text) || md5('x' || n), held, 0, 'a/b', 1, held FROM generate_series(1, 19000, 2) n,
      LATERAL (SELECT 'sha256:' || md5((n + 1)::text) || md5('x' || n + 1) AS held) AS child;
  INSERT INTO repository_blob (repository_id, digest) SELECT 1 + n, digest FROM blob, generate_series(0, 1) n;
  INSERT INTO repository_blob (repository_id, digest)
    SELECT id, 'sha256:' || md5('b0') || md5('y0') FROM repository WHERE id BETWEEN 3 AND 20000;
  INSERT INTO pin SELECT 1, 'blob', digest, now() + interval '1 day' FROM blob;
  INSERT INTO review (kind, digest, due_at) SELECT 'blob', digest, now() FROM blob;
  INSERT INTO lease (object_id, holder, until) SELECT object_id, object_id, now() + interval '1 minute' FROM blob LIMIT 5000;
  INSERT INTO fill (id, upstream, credential, repository_id, digest, size, state)
    SELECT gen_random_uuid(), 'docker.io', 'anonymous', 1, 'sha256:' || md5('f' || n) || md5('f' || n), 1, 'wanted'
    FROM generate_series(1, 20000) n;
  INSERT INTO repository_usage SELECT id, 1, 1, 1, id % 1000, 0, 0, NULL FROM repository;
  INSERT INTO usage (as_of, took_ms, counted) VALUES (now(), 60000, '{}')`;

const [EVERYWHERE, RARE] = [`'sha256:' || md5('b0') || md5('y0')`, `'sha256:' || md5('b77') || md5('y77')`];

/** Any walk over all of a table, or a sort of all that it has. */
const LARGE =
  /Seq Scan on (repository|manifest|repository_manifest|tag|tag_move|object|blob|manifest_blob|manifest_child|fill|repository_blob|pin|review|lease|repository_usage)\b/;

describe('looking at names and bytes costs what is shown, not what the store holds', () => {
  let metadata: Metadata;
  let digests: { everywhere: string; rare: string; manifest: string };
  beforeAll(async () => {
    metadata = await openMetadata();
    await metadata.database.read(FILL);
    await metadata.database.read('ANALYZE');
    const [row] = await metadata.database.read<typeof digests>(
      `SELECT ${EVERYWHERE} AS everywhere, ${RARE} AS rare, 'sha256:' || md5('7') || md5('x7') AS manifest`,
    );
    digests = row!;
  }, 120_000);
  afterAll(() => metadata?.stop());

  interface Node {
    readonly 'Actual Rows': number;
    readonly 'Actual Loops': number;
    readonly Plans?: readonly Node[];
  }
  const rowsOf = (node: Node): number =>
    node['Actual Rows'] * node['Actual Loops'] + (node.Plans ?? []).reduce((sum, each) => sum + rowsOf(each), 0);

  /** What it reads, by its plan and in rows of all its steps. */
  const explain = async (text: string, params: readonly unknown[]) => {
    const plan = await metadata.database.read<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, params);
    const [ran] = await metadata.database.read<{ 'QUERY PLAN': [{ Plan: Node }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
      params,
    );
    const lines = plan.map((row) => row['QUERY PLAN']).join('\n');
    return { lines, rows: rowsOf(ran!['QUERY PLAN'][0].Plan) };
  };
  const costsLittle = async (text: string, params: readonly unknown[], mostRows: number) => {
    const { lines, rows } = await explain(text, params);
    expect(lines).not.toMatch(LARGE);
    if (rows >= mostRows) throw new Error(`${rows} rows, more than ${mostRows}: ${lines}`);
  };

  it.each([
    ['a page of tags', ['', '', '~', '^.*$']],
    ['a page of tags in the middle', ['t5', '', '~', '^.*$']],
    ['a page of tags by a pattern', ['', 't1', 't1~', '^t1[^/]*$']],
  ])('%s', async (_what, params) => {
    await costsLittle(LIST_TAGS, [1, ...params, 101], 1_000);
  });

  it('tags by a pattern that fits none: ten thousand are looked at, and no more', async () => {
    const [edge] = await metadata.database.read<{ name: string }>(TAG_EDGE, [1, '', '', '~']);
    await costsLittle(TAG_EDGE, [1, '', '', '~'], 11_000);
    await costsLittle(LIST_TAGS, [1, '', '', edge!.name, '%nothing', 101], 11_000);
  });

  it('a page of repositories, and of those that a filter fits', async () => {
    await costsLittle(LIST_REPOSITORIES, ['', '', '~', '^.*$', null, null, null, 101], 1_000);
    const [edge] = await metadata.database.read<{ name: string }>(REPOSITORY_EDGE, ['', '', '~']);
    await costsLittle(REPOSITORY_EDGE, ['', '', '~'], 11_000);
    await costsLittle(LIST_REPOSITORIES, ['', '', edge!.name, '^.*$', true, null, true, 101], 11_000);
  });

  it("a page of a tag's history", () => costsLittle(LIST_MOVES, [1, 't7', null, 101], 20));

  it.each(['everywhere', 'rare'] as const)('what refers to a blob that is %s', async (which) => {
    const [blob, ...lists] = DESCRIBE_STATEMENTS;
    await costsLittle(blob, [digests[which]], 50);
    for (const list of lists) await costsLittle(list, [digests[which], 101], 1_000);
  });

  it('what has a layer in common with an image, where one of its layers is in every image', async () => {
    await costsLittle(MEMBERS, [1, digests.manifest], 50);
    await costsLittle(LAYERS, [[digests.manifest]], 100);
    await costsLittle(sharingOf(2), [[digests.manifest], '', 101, digests.everywhere, digests.rare], 3_000);
    await costsLittle(SHOWN_IMAGES, [Array(100).fill(digests.manifest), 20], 10_000);
  });

  it("what a layer's digest names that every image has: none of them by its config", () =>
    costsLittle(BY_ID, [digests.everywhere, `${digests.everywhere}g`], 20));

  it('what a reporter says that it runs, by the digest of an image', () =>
    costsLittle(HOLDING, [digests.manifest, `${digests.manifest}g`, 'docker.io/filler/r1', 't7', null], 100));

  it('the largest repositories', () => costsLittle(LARGEST, [null, null, 101], 1_000));

  /** From the first image on, up to the last that such a page looks at. */
  const pageOfImages = async (sort: 'name' | 'created', filter: ImageFilter) => {
    const [pageBy, edgeBy] = sort === 'name' ? [byName, edgeByName] : [byAge, edgeByAge];
    const edge = edgeBy(narrowImages({}, 4));
    await costsLittle(edge, ['', '', ''], 12_000);
    const [to] = await metadata.database.read<Record<string, string>>(edge, ['', '', '']);
    const narrowed = narrowImages(filter, 8);
    const params = ['', '', 101, '', to!.repository, to!.digest, to!.key, ...narrowed.params];
    return { text: listOf(pageBy(narrowed)), params };
  };

  it.each<['name' | 'created', string, ImageFilter]>([
    ['name', 'a label that none has', { labels: ['rare=yes'] }],
    ['created', 'a label that none has', { labels: ['rare'] }],
    ['name', 'a platform that none has', { platform: 'linux/s390x' }],
    ['name', 'a container that none has', { inUse: true }],
    ['created', 'a tag that none has', { tag: 'nothing*' }],
    ['created', 'no tag, of which there are none', { dangling: true }],
  ])('images by %s and %s: two thousand are looked at, and no more', async (sort, _what, filter) => {
    const { text, params } = await pageOfImages(sort, filter);
    await costsLittle(text, params, 25_000);
  });

  it.each<['name' | 'created', ImageFilter]>([
    ['name', {}],
    ['created', {}],
    ['created', { repository: 'docker.io/filler/r7' }],
    ['name', { repository: 'docker.io/filler/r1', inUse: false }],
    ['created', { repository: 'docker.io/filler/r1', before: '2100-01-01T00:00:00Z' }],
  ])('a page of images by %s, narrowed to %j', async (sort, filter) => {
    const { text, params } = await pageOfImages(sort, filter);
    await costsLittle(text, params, 10_000);
  });

  it('that many manifests list a layer', () => costsLittle(READ_COMMON, [[digests.everywhere, digests.rare]], 30_000));

  it('whether rights end to a layer that every image has, and twenty thousand repositories', async () => {
    await metadata.database
      .transaction('spec.explain', async (sql) => {
        const [ran] = await sql.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
          `EXPLAIN (ANALYZE, FORMAT JSON) ${END_RIGHTS}`,
          [[digests.everywhere, digests.rare], [digests.everywhere]],
        );
        throw new Ran(rowsOf(ran!['QUERY PLAN'][0].Plan));
      })
      .catch((ran: unknown) => {
        if (!(ran instanceof Ran)) throw ran;
        expect(ran.rows).toBeLessThan(1_000_000);
      });
  });
});

class Ran {
  constructor(readonly rows: number) {}
}
