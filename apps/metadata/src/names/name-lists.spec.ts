import { randomUUID } from 'node:crypto';
import { ListHeldTags, ListRepositories, ListTagMoves } from '#contracts/calls/names';
import type { OperationKind } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import { anImage, fetchManifest, fetchWhole, type Metadata, openMetadata, repositoryName } from '../metadata.testing';

const NODE = repositoryName('docker.io/library/node');
const HERE = 'localhost:5050';

describe('names as people look at them', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_REVIEW_DELAY_MS: 0 });
  });
  afterAll(() => metadata?.stop());
  beforeEach(() =>
    metadata.database.read('TRUNCATE repository, manifest, blob, object, operation, review, outbox, usage CASCADE'),
  );

  const ask = async (kind: OperationKind, body: Record<string, unknown>) => {
    const asked = { principal: ANONYMOUS, requestId: randomUUID(), kind, body };
    return (await metadata.operations.accept(asked)).operation;
  };
  const tags = (more: object = {}) =>
    metadata.tagLists.list(ListHeldTags.question.parse({ repository: NODE, limit: 100, ...more }));
  const moves = (reference: string, more: object = {}) =>
    metadata.tagLists.moves(ListTagMoves.question.parse({ reference, limit: 100, ...more }));
  const repositories = (more: object = {}) =>
    metadata.repositoryLists.list(ListRepositories.question.parse({ limit: 100, ...more }));
  const names = async (more: object) => (await tags(more)).tags.map(({ name }) => name);

  describe('tags', () => {
    it('say what they name, since when, by whom and in which operation', async () => {
      const image = anImage();
      await fetchWhole(metadata, NODE, image, { tag: '22' });
      const operation = await ask('tag', { source: 'node:22', target: `${HERE}/team/app:1` });
      const fetched = { repository: NODE, name: '22', digest: image.digest, movedAt: expect.any(String) };
      expect(await tags()).toEqual({
        tags: [{ ...fetched, movedBy: expect.any(String), operation: null, confirmedAt: expect.any(String) }],
        next: null,
      });
      expect((await tags({ repository: 'team/app' })).tags).toMatchObject([
        { name: '1', movedBy: ANONYMOUS, operation: operation.id, confirmedAt: null },
      ]);
    });

    it('come in pages, each once, in the order of bytes', async () => {
      for (const tag of ['b', 'B', '10', '9', 'a_b', 'a']) await fetchManifest(metadata, NODE, anImage(), { tag });
      const found: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await tags({ limit: 2, after });
        found.push(...page.tags.map(({ name }) => name));
        if (page.next === null) break;
        after = page.next;
      }
      expect(found).toEqual(['10', '9', 'B', 'a', 'a_b', 'b']);
    });

    it.each([
      ['22*', ['22', '22-slim']],
      ['*-slim', ['20-slim', '22-slim']],
      ['2?', ['20', '22']],
      ['2_', []],
      ['22', ['22']],
      ['*', ['20', '20-slim', '22', '22-slim']],
      ['22-slim-more', []],
    ])('of the pattern %s are %j', async (pattern, expected) => {
      const image = anImage();
      for (const tag of ['20', '20-slim', '22', '22-slim']) await fetchManifest(metadata, NODE, image, { tag });
      expect(await names({ pattern })).toEqual(expected);
    });

    it('are looked at ten thousand for a page at most: a pattern that fits the last one finds it on a later page', async () => {
      const image = anImage();
      await fetchManifest(metadata, NODE, image, { tag: 'z-last' });
      await metadata.database.read(
        `INSERT INTO tag (repository_id, name, digest) SELECT repository_id, 't' || lpad(n::text, 6, '0'), digest
          FROM tag, generate_series(1, 20500) n`,
      );
      const pages: number[] = [];
      let last: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await tags({ pattern: '*last', after });
        pages.push(page.tags.length);
        last = page.tags.map(({ name }) => name);
        if (page.next === null) break;
        after = page.next;
      }
      expect({ pages, last }).toEqual({ pages: [0, 0, 1], last: ['z-last'] });
    });

    it('of a repository that is not there are no empty list', async () => {
      await expect(tags({ repository: 'no/such' })).rejects.toMatchObject({ code: 'NAME_UNKNOWN' });
    });
  });

  describe('the history of a tag', () => {
    it('has every move, the newest first, in pages, also when the tag is gone', async () => {
      const images = [anImage(), anImage()];
      for (const [at, image] of images.entries()) await fetchWhole(metadata, NODE, image, { tag: String(at) });
      const reference = `${HERE}/team/app:live`;
      for (const at of [0, 1]) await ask('tag', { source: `node:${at}`, target: reference });
      const untag = await ask('untag', { reference });
      const first = await moves(reference, { limit: 2 });
      expect(first.moves).toMatchObject([
        { from: images[1]!.digest, to: null, operation: untag.id, movedBy: ANONYMOUS, held: false },
        { from: images[0]!.digest, to: images[1]!.digest, held: true },
      ]);
      const second = await moves(reference, { limit: 2, after: first.next! });
      expect(second).toMatchObject({ moves: [{ from: null, to: images[0]!.digest, held: true }], next: null });
    });

    it.each(['0', '-1', '1e3', "1' OR 1=1", '9'.repeat(19)])('does not go on at %j', async (after) => {
      await expect(moves('node:22', { after })).rejects.toMatchObject({ code: 'INVALID', detail: { field: 'after' } });
    });

    it.each([
      ['node:never', 'NOT_FOUND'],
      ['no/such:1', 'NOT_FOUND'],
      [`node@sha256:${'a'.repeat(64)}`, 'INVALID'],
      ['Node:1', 'INVALID'],
    ])('of %s is %s', async (reference, code) => {
      await expect(moves(reference)).rejects.toMatchObject({ code });
    });
  });

  describe('repositories', () => {
    it('say whose they are, and what was counted of them as of when', async () => {
      const image = anImage();
      await fetchWhole(metadata, NODE, image, { tag: '22', isPrivate: true });
      expect((await repositories()).repositories).toMatchObject([{ name: NODE, counted: null }]);
      await metadata.usage.count();
      await ask('tag', { source: 'node:22', target: `${HERE}/team/app:1` });
      const bytes = image.blobs.reduce((sum, { size }) => sum + size, 0);
      const counted = { manifests: 1, tags: 1, blobs: 3, bytes, uniqueBytes: bytes, pulls: 0, pulledAt: null };
      expect((await repositories()).repositories).toEqual([
        {
          ...{ name: NODE, upstream: 'docker.io', private: true, createdAt: expect.any(String) },
          counted: { ...counted, asOf: expect.any(String) },
        },
        { name: 'team/app', upstream: null, private: true, createdAt: expect.any(String), counted: null },
      ]);
      await metadata.usage.count();
      expect((await repositories()).repositories).toMatchObject([
        { counted: { bytes, uniqueBytes: 0 } },
        { counted: { bytes, uniqueBytes: 0, tags: 1 } },
      ]);
    });

    it.each([
      [{ kind: 'local' }, ['team/app', 'team/web']],
      [{ kind: 'upstream' }, [NODE, 'ghcr.io/x/y']],
      [{ upstream: 'ghcr.io' }, ['ghcr.io/x/y']],
      [{ upstream: 'ghcr.io', kind: 'local' }, []],
      [{ private: true }, ['team/web']],
      [{ pattern: 'team/*' }, ['team/app', 'team/web']],
      [{ pattern: '*/*/?' }, ['ghcr.io/x/y']],
      [{ pattern: '**e**', private: false }, [NODE, 'team/app']],
    ])('with %j are %j', async (filter, expected) => {
      await metadata.database.read(
        `INSERT INTO repository (name, upstream, is_private) VALUES ($1, 'docker.io', false),
          ('ghcr.io/x/y', 'ghcr.io', false), ('team/app', NULL, false), ('team/web', NULL, true)`,
        [NODE],
      );
      expect((await repositories(filter)).repositories.map(({ name }) => name)).toEqual(expected);
    });

    it('come in pages, each once', async () => {
      await metadata.database.read(`INSERT INTO repository (name) SELECT 'r' || n FROM generate_series(1, 5) n`);
      const first = await repositories({ limit: 2 });
      const second = await repositories({ limit: 3, after: first.next! });
      expect([first.next, second.next]).toEqual(['r2', null]);
      expect(second.repositories.map(({ name }) => name)).toEqual(['r3', 'r4', 'r5']);
    });
  });
});
