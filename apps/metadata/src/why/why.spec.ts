import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { KeepingRoot, Why } from '#contracts/calls/why';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import { releaseImages } from '../image/release-image';
import {
  anImage,
  anIndex,
  fetchManifest,
  findBlob,
  type MadeManifest,
  type Metadata,
  openMetadata,
  purgeAll,
  pushBlob,
  repositoryName,
  reviewAll,
  runFills,
  someBytes,
  untag,
} from '../metadata.testing';
import { knownRepository } from '../names/repository.store';
import { passTime } from '../pass-time.testing';
import { queueManifestReviews } from '../review/queue-reviews';

const MINUTE = 60_000;
/** What a step of the test may take: far less than any time in it. */
const SLACK = 20_000;
const REPOSITORIES = ['docker.io/library/a', 'docker.io/library/b'] as const;
const LAYERS = Array.from({ length: 3 }, () => someBytes(OCI_LAYER_GZIP));
const subjectOf = ({ digest, size, mediaType }: MadeManifest) => ({ subject: { digest, size, mediaType } });

const CHILDREN = [anImage([LAYERS[0]!]), anImage([LAYERS[0]!, LAYERS[1]!]), anImage([LAYERS[2]!])];
const INDEX = anIndex([CHILDREN[0]!, CHILDREN[1]!]);
const IMAGES: readonly MadeManifest[] = [
  ...CHILDREN,
  INDEX,
  // It lists what it refers to: each keeps the other.
  anIndex([CHILDREN[1]!, CHILDREN[2]!], subjectOf(CHILDREN[2]!)),
  anIndex([INDEX]),
  anImage([LAYERS[1]!], subjectOf(INDEX)),
];

const EMPTY = 'TRUNCATE repository, manifest, blob, object, operation, review, outbox, lease CASCADE';

describe('why', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({
      ENTREPOT_REVIEW_DELAY_MS: 30 * MINUTE,
      ENTREPOT_GRACE_MS: 10 * MINUTE,
      ENTREPOT_KEEP_PULLED_MS: 180 * MINUTE,
      ENTREPOT_PIN_MS: 60 * MINUTE,
      ENTREPOT_PIN_WRITE_MS: 0,
    });
    await metadata.presence.beat();
  });
  beforeEach(() => metadata.database.read(EMPTY));
  afterAll(() => metadata?.stop());

  const repositoryId = (name: string) =>
    knownRepository({ query: (text, params) => metadata.database.read(text, params) }, name);
  const query = (text: string, params: unknown[] = []) => metadata.database.read(text, params);
  const ofImage = (repository: string, image: MadeManifest) => metadata.why.explain(`${repository}@${image.digest}`);
  const isVisible = async (repository: string, { digest }: MadeManifest) =>
    (await metadata.manifests.read(repositoryName(repository), digest)) !== undefined;

  async function commit(repository: string, image: MadeManifest, tag?: string): Promise<void> {
    await fetchManifest(metadata, repository, image, tag === undefined ? {} : { tag });
    await runFills(metadata);
  }

  async function contain(repository: string, image: MadeManifest, name: string): Promise<void> {
    await query(
      `INSERT INTO container (id, name, repository_id, digest, state, principal) VALUES ($1, $1, $2, $3, 'exited', 'p')
        ON CONFLICT DO NOTHING`,
      [name, await repositoryId(repository), image.digest],
    );
  }

  async function operate(repository: string, image: MadeManifest): Promise<void> {
    const id = randomUUID();
    await query(
      `INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state)
        VALUES ($1, 'p', $2, '', 'pull', '{}', 'accepted')`,
      [id, id],
    );
    await query('INSERT INTO operation_manifest VALUES ($1, $2, $3)', [
      id,
      await repositoryId(repository),
      image.digest,
    ]);
  }

  async function trash(repository: string, image: MadeManifest, ms: number): Promise<void> {
    await query(
      `INSERT INTO trash (id, repository_id, digest, until) VALUES ($1, $2, $3, now() + $4 * interval '1 ms')`,
      [randomUUID(), await repositoryId(repository), image.digest, ms],
    );
  }

  /** Takes a root that stands away as whoever made it does: a review is queued in the same transaction. */
  async function remove({ root, name, repository, path }: KeepingRoot): Promise<void> {
    const id = await repositoryId(repository!);
    await metadata.database.transaction('spec.remove-root', async (sql) => {
      if (root === 'tag') await sql.query('DELETE FROM tag WHERE repository_id = $1 AND name = $2', [id, name]);
      if (root === 'container') await sql.query('DELETE FROM container WHERE name = $1', [name]);
      if (root === 'operation')
        await sql.query('UPDATE operation_manifest SET ended = true WHERE operation_id = $1', [name]);
      await queueManifestReviews(sql, id, [path[0]!.digest], 30 * MINUTE);
    });
  }

  const same = (a: KeepingRoot) => (b: KeepingRoot) =>
    a.root === b.root && a.name === b.name && a.repository === b.repository && a.path[0]?.digest === b.path[0]?.digest;

  /** Each step of the way must be so in the rows. */
  async function isTrue({ path, repository }: KeepingRoot, asked: string): Promise<boolean> {
    for (const [at, { digest, via }] of path.entries()) {
      if (at === 0) continue;
      const from = path[at - 1]!.digest;
      const [row] = await metadata.database.read<{ holds: boolean }>(
        `SELECT CASE $3 WHEN 'index' THEN EXISTS (SELECT FROM manifest_child WHERE parent = $1 AND digest = $2)
            WHEN 'subject' THEN EXISTS (SELECT FROM manifest WHERE digest = $2 AND subject = $1)
            ELSE EXISTS (SELECT FROM manifest_blob WHERE manifest = $1 AND held = $2) END
          AND EXISTS (SELECT FROM repository_manifest JOIN repository ON id = repository_id
            WHERE name = $4 AND digest = $1) AS holds`,
        [from, digest, via, repository],
      );
      if (!row!.holds) return false;
    }
    return path[0]!.via === 'root' && path.at(-1)!.digest === asked;
  }

  describe('names what keeps an image, and the way from there', () => {
    it('a tag of an index above', async () => {
      await commit(REPOSITORIES[0], INDEX, 'multi');
      await commit(REPOSITORIES[0], CHILDREN[0]!);
      const why = await ofImage(REPOSITORIES[0], CHILDREN[0]!);
      expect(why).toMatchObject({ kind: 'image', kept: true, goesAt: null, repositories: [REPOSITORIES[0]] });
      expect(why.roots[0]).toEqual({
        root: 'tag',
        name: 'multi',
        repository: REPOSITORIES[0],
        until: null,
        path: [
          { digest: INDEX.digest, via: 'root' },
          { digest: CHILDREN[0]!.digest, via: 'index' },
        ],
      });
    });

    it('a container, an operation, a pin, the undo window, its last pull', async () => {
      const [image] = CHILDREN;
      await commit(REPOSITORIES[0], image!);
      await contain(REPOSITORIES[0], image!, 'box');
      await operate(REPOSITORIES[0], image!);
      await trash(REPOSITORIES[0], image!, 300 * MINUTE);
      await query(`INSERT INTO pin VALUES ($1, 'manifest', $2, now() + interval '1 hour')`, [
        await repositoryId(REPOSITORIES[0]),
        image!.digest,
      ]);
      const { roots } = await ofImage(REPOSITORIES[0], image!);
      expect(roots.map(({ root }) => root)).toEqual(['container', 'operation', 'trash', 'pull', 'pin']);
    });

    it('of a blob: by the image that has it, what was said of it, and who reads it', async () => {
      await commit(REPOSITORIES[0], CHILDREN[0]!, '1');
      const layer = LAYERS[0]!;
      const kept = await metadata.why.explain(layer.digest);
      expect(kept).toMatchObject({ kind: 'blob', kept: true, goesAt: null, purgedAt: null });
      expect(kept.roots[0]).toMatchObject({ root: 'tag', name: '1' });
      expect(kept.roots[0]!.path.at(-1)).toEqual({ digest: layer.digest, via: 'blob' });
      const pushed = someBytes(OCI_LAYER_GZIP);
      const object = await pushBlob(metadata, 'team/app', pushed);
      await metadata.objects.lease(object, randomUUID(), 5000);
      const loose = await metadata.why.explain(pushed.digest);
      expect(loose.roots.map(({ root }) => root)).toEqual(['pin', 'lease']);
      expect(Date.parse(loose.purgedAt!) - Date.parse(loose.goesAt!)).toBe(10 * MINUTE);
    });
  });

  it('waits while metadata was away, as reviews do', async () => {
    await commit(REPOSITORIES[0], CHILDREN[0]!);
    await query(`UPDATE installation SET quiet_until = now() + interval '30 days'`);
    const { goesAt } = await ofImage(REPOSITORIES[0], CHILDREN[0]!);
    expect(Date.parse(goesAt!) - Date.now()).toBeGreaterThan(29 * 24 * 60 * MINUTE);
    await query('UPDATE installation SET quiet_until = NULL');
  });

  it.each([
    ['docker.io/library/none:1', 'NOT_FOUND'],
    [`sha256:${'0'.repeat(64)}`, 'NOT_FOUND'],
    ['UPPER/case', 'INVALID'],
    ['a', 'NOT_FOUND'],
    ["'; DROP TABLE tag; --", 'INVALID'],
  ])('%s is %s', async (reference, code) => {
    await expect(metadata.why.explain(reference)).rejects.toMatchObject({ code });
  });

  it('changes nothing: Postgres would refuse it', async () => {
    const write = metadata.database.snapshot((sql) => sql.query('DELETE FROM review'));
    await expect(write).rejects.toBeDefined();
  });

  const act = fc.record({
    what: fc.constantFrom(
      'commit',
      'commit',
      'tag',
      'contain',
      'operate',
      'trash',
      'pull',
      'release',
      'untag',
      'time',
      'time',
    ),
    repository: fc.constantFrom(...REPOSITORIES),
    image: fc.nat(IMAGES.length - 1),
    tag: fc.constantFrom('x', 'y'),
    minutes: fc.integer({ min: 1, max: 240 }),
  });
  type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

  async function perform({ what, repository, image: at, tag, minutes }: Act): Promise<void> {
    const image = IMAGES[at]!;
    if (what === 'commit') return commit(repository, image);
    if (what === 'tag') return commit(repository, image, tag);
    if (what === 'time') {
      await passTime(metadata, minutes * MINUTE);
      return void (await reviewAll(metadata));
    }
    const [known] = await metadata.database.read('SELECT 1 FROM repository WHERE name = $1', [repository]);
    if (!known) return;
    if (what === 'untag') return untag(metadata, repository, tag, 30 * MINUTE);
    if (!(await isVisible(repository, image))) return;
    if (what === 'contain') return contain(repository, image, `${repository.at(-1)}${at}`);
    if (what === 'operate') return operate(repository, image);
    if (what === 'trash') {
      await metadata.database.transaction('spec.queue', async (sql) =>
        queueManifestReviews(sql, await repositoryId(repository), [image.digest], 30 * MINUTE),
      );
      return trash(repository, image, minutes * MINUTE);
    }
    const id = await repositoryId(repository);
    if (what === 'release')
      return metadata.database.transaction('spec.release', async (sql) => {
        await releaseImages(sql, id, [image.digest]);
        await queueManifestReviews(sql, id, [image.digest], 30 * MINUTE);
      });
    await query(
      `INSERT INTO pull_count VALUES ($1, $2, 1, now()) ON CONFLICT (repository_id, digest) DO UPDATE SET pulled_at = now()`,
      [id, image.digest],
    );
  }

  /** Takes the first root away until only time keeps it. Answers the answer then. */
  async function unroot(explain: () => Promise<Why>, asked: string): Promise<Why> {
    for (;;) {
      const why = await explain();
      for (const root of why.roots) expect(await isTrue(root, asked)).toBe(true);
      const [first] = why.roots;
      if (!first || first.until !== null) return why;
      expect(why.goesAt).toBeNull();
      await remove(first);
      const after = await explain();
      expect(after).not.toEqual(why);
      expect(after.roots.some(same(first))).toBe(false);
    }
  }

  async function goesThen(why: Why, isHere: () => Promise<boolean>): Promise<void> {
    expect(why.goesAt).not.toBeNull();
    const inMs = Date.parse(why.goesAt!) - Date.now();
    if (inMs > SLACK) {
      await passTime(metadata, inMs - SLACK);
      await reviewAll(metadata);
      expect(await isHere()).toBe(true);
      await passTime(metadata, SLACK);
    } else await passTime(metadata, Math.max(0, inMs));
    await reviewAll(metadata);
    expect(await isHere()).toBe(false);
  }

  it('a child without a review of its own goes with its index', async () => {
    await commit(REPOSITORIES[0], CHILDREN[0]!);
    await commit(REPOSITORIES[0], INDEX, 'multi');
    await passTime(metadata, 240 * MINUTE);
    await reviewAll(metadata);
    expect(await query('SELECT FROM review WHERE digest = $1', [CHILDREN[0]!.digest])).toEqual([]);
    await untag(metadata, REPOSITORIES[0], 'multi', 30 * MINUTE);
    const why = await ofImage(REPOSITORIES[0], CHILDREN[0]!);
    expect(why).toMatchObject({ kept: false, roots: [] });
    expect(Math.abs(Date.parse(why.goesAt!) - Date.now() - 30 * MINUTE)).toBeLessThan(SLACK);
    await goesThen(why, () => isVisible(REPOSITORIES[0], CHILDREN[0]!));
  });

  it('is true of images, whatever keeps what: each root is one, and it goes when it was said to go', async () => {
    await fc.assert(
      fc
        .asyncProperty(fc.array(act, { minLength: 3, maxLength: 14 }), fc.nat(), async (acts, pick) => {
          for (const each of acts) await perform(each);
          await reviewAll(metadata);
          const shown = await metadata.database.read<{ name: string; digest: string }>(
            `SELECT name, digest FROM repository_manifest JOIN repository ON id = repository_id ORDER BY name, digest`,
          );
          const one = shown[pick % Math.max(1, shown.length)];
          if (!one) return;
          const image = IMAGES.find(({ digest }) => digest === one.digest)!;
          const why = await unroot(() => ofImage(one.name, image), image.digest);
          await goesThen(why, () => isVisible(one.name, image));
        })
        .beforeEach(() => metadata.database.read(EMPTY).then(() => undefined)),
      { numRuns: 25, endOnFailure: true },
    );
  });

  it('is true of blobs, and of when their bytes may go', async () => {
    await fc.assert(
      fc
        .asyncProperty(fc.array(act, { minLength: 3, maxLength: 14 }), fc.nat(LAYERS.length - 1), async (acts, at) => {
          for (const each of acts) await perform(each);
          await reviewAll(metadata);
          const { digest } = LAYERS[at]!;
          const isHere = async () => (await query('SELECT 1 FROM blob WHERE digest = $1', [digest])).length > 0;
          if (!(await isHere())) return;
          const why = await unroot(() => metadata.why.explain(digest), digest);
          await goesThen(why, isHere);
          const condemned = await metadata.why.explain(digest);
          expect(condemned).toMatchObject({ kept: false, roots: [] });
          const inMs = Date.parse(condemned.purgedAt!) - Date.now();
          await passTime(metadata, inMs - SLACK);
          const [object] = await metadata.database.read<{ id: string }>(
            `SELECT id FROM object WHERE digest = $1 AND state = 'condemned' ORDER BY purge_after DESC`,
            [digest],
          );
          expect(await purgeAll(metadata)).not.toContain(object!.id);
          await passTime(metadata, SLACK);
          expect(await purgeAll(metadata)).toContain(object!.id);
          expect(await findBlob(metadata, REPOSITORIES[0], digest)).toBeNull();
        })
        .beforeEach(() => metadata.database.read(EMPTY).then(() => undefined)),
      { numRuns: 25, endOnFailure: true },
    );
  });
});
