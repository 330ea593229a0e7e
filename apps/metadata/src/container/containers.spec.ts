import { randomUUID } from 'node:crypto';
import type { ContainerCreateBody, ContainerOutcome } from '#contracts/bodies/container';
import type { OperationKind } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import type { Tag } from '#oci/tag';
import { RemoveImageHandler } from '../image/remove-image.handler';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  findBlob,
  HUB,
  type MadeManifest,
  type Metadata,
  openMetadata,
  purgeAll,
  repositoryName,
  reviewAll,
  untag,
} from '../metadata.testing';
import { OperationWorkStore } from '../operation/operation-work.store';
import { PullWorkStore } from '../operation/pull-work.store';
import { removeContainers } from './remove-containers';

const NODE = repositoryName('docker.io/library/node');
const HERE = 'localhost:5050';
const [AMD64, ARM64] = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
];

describe('containers', () => {
  let metadata: Metadata;
  let work: OperationWorkStore;
  let pulls: PullWorkStore;
  beforeAll(async () => {
    metadata = await openMetadata({
      ENTREPOT_REVIEW_DELAY_MS: 0,
      ENTREPOT_GRACE_MS: 0,
      ENTREPOT_KEEP_PULLED_MS: 0,
      ENTREPOT_PIN_MS: 1,
      ENTREPOT_PIN_WRITE_MS: 0,
      ENTREPOT_HOST_PLATFORM: 'linux/amd64',
    });
    const { database, tags, creates, config } = metadata;
    work = new OperationWorkStore(database, config);
    pulls = new PullWorkStore(database, tags, creates, config);
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());
  beforeEach(() =>
    metadata.database.read('TRUNCATE repository, manifest, blob, object, operation, review, outbox, absence CASCADE'),
  );
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });

  const ask = async (kind: OperationKind, body: Record<string, unknown>, requestId: string = randomUUID()) =>
    (await metadata.operations.accept({ principal: ANONYMOUS, requestId, kind, body })).operation;
  const create = (body: Partial<ContainerCreateBody> = {}) => ask('container-create', { image: 'node:20', ...body });
  const made = async (body: Partial<ContainerCreateBody> = {}) =>
    (await create(body)).outcome as unknown as ContainerOutcome;
  const read = async (container: string) => (await metadata.containers.read(container)).container;
  const list = async (more: object = {}) =>
    (await metadata.containers.list({ labels: [], limit: 100, ...more })).containers;
  const change = (container: string, action: string, more: object = {}) =>
    ask('container-change', { container, action, ...more });
  const facts = async () =>
    (
      await metadata.database.read<{ subject: string; data: Record<string, unknown> }>(
        `SELECT subject, message -> 'data' AS data FROM outbox WHERE subject LIKE '%container%' ORDER BY id`,
      )
    ).map(({ subject, data }) => [subject.split('.').at(-1), data.name, data.state]);
  const aFetched = async (tag = '20', image: MadeManifest = anImage()) => {
    await fetchWhole(metadata, NODE, image, { tag });
    return image;
  };

  it('one is made at once of an image that is here, and says what it uses', async () => {
    const image = await aFetched();
    const operation = await create({ name: 'web', env: ['A=1'], labels: { team: 'a' } });
    expect(operation).toMatchObject({
      state: 'completed',
      image: { repository: NODE, tag: '20', digest: image.digest },
      outcome: { name: 'web', state: 'created', repository: NODE, digest: image.digest, tag: '20' },
    });
    const { container, overrides, config } = await metadata.containers.read('web');
    expect(container).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      name: 'web',
      image: { digest: image.digest, tag: '20', manifest: image.digest, moved: false, removed: false },
      state: 'created',
      labels: { team: 'a' },
      reporter: null,
    });
    expect(overrides).toEqual({ env: ['A=1'], labels: { team: 'a' } });
    expect(config).toEqual({ digest: image.blobs[0]!.digest, object: expect.any(String), size: image.blobs[0]!.size });
    expect(await facts()).toEqual([['created', 'web', 'created']]);
  });

  it.each([
    ['a tag', () => 'node:20', '20'],
    ['a digest', ({ digest }: MadeManifest) => `node@${digest}`, null],
    ['a name, a tag and a digest', ({ digest }: MadeManifest) => `node:20@${digest}`, null],
    ['an id', ({ digest }: MadeManifest) => digest, null],
    ['the beginning of an id', ({ digest }: MadeManifest) => digest.slice(7, 19), null],
    ['the digest of its config', ({ blobs }: MadeManifest) => blobs[0]!.digest, null],
  ])('its image may be named by %s', async (_what, name, tag) => {
    const image = await aFetched();
    expect(await made({ image: name(image) })).toMatchObject({ digest: image.digest, tag });
  });

  it('by an id, what was removed in one repository is found in another', async () => {
    const image = await aFetched();
    await ask('tag', { source: 'node:20', target: `${HERE}/team/app:1` });
    await ask('remove', { reference: 'node:20' });
    expect(await made({ image: image.digest })).toMatchObject({ repository: 'team/app', digest: image.digest });
    await ask('remove', { reference: `${HERE}/team/app:1`, force: true, withContainers: true });
    await expect(create({ image: image.digest })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('many of one image copy nothing, have names of their own, and are made at once together', async () => {
    await aFetched();
    const objects = () => metadata.database.read('SELECT id FROM object ORDER BY id');
    const before = await objects();
    const outcomes = await Promise.all(Array.from({ length: 40 }, () => made()));
    expect(new Set(outcomes.map(({ name }) => name)).size).toBe(40);
    expect(new Set(outcomes.map(({ container }) => container)).size).toBe(40);
    for (const { name } of outcomes) expect(name).toMatch(/^[a-z]+_[a-z]+\d*$/);
    expect(await objects()).toEqual(before);
    expect(await list()).toHaveLength(40);
  });

  it('it holds its digest: the tag moves on, and that is shown; the image stays whole until the container goes', async () => {
    const image = await aFetched();
    await made({ name: 'web' });
    const next = await aFetched('20');
    expect((await read('web')).image).toMatchObject({ digest: image.digest, tagNames: next.digest, moved: true });
    await untag(metadata, NODE, '20');
    expect((await read('web')).image).toMatchObject({ digest: image.digest, tagNames: null, moved: true });
    await reviewAll(metadata);
    await purgeAll(metadata);
    for (const { digest } of image.blobs) expect(await findBlob(metadata, NODE, digest)).not.toBeNull();
    expect(await findBlob(metadata, NODE, next.blobs[0]!.digest)).toBeNull();
    await ask('container-remove', { container: 'web' });
    expect(await metadata.manifests.read(NODE, image.digest)).toBeDefined();
    await reviewAll(metadata);
    expect((await purgeAll(metadata)).length).toBe(image.blobs.length);
  });

  it('removing one never removes an image that has a name', async () => {
    const image = await aFetched();
    await made({ name: 'web' });
    await ask('container-remove', { container: 'web' });
    await reviewAll(metadata);
    expect(await metadata.manifests.read(NODE, image.digest)).toBeDefined();
    await expect(read('web')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await facts()).toEqual([
      ['created', 'web', 'created'],
      ['removed', 'web', 'created'],
    ]);
  });

  describe('of an index', () => {
    const anIndexOf = async (held: 'amd64' | 'arm64' | 'both') => {
      const [amd64, arm64] = [anImage(), anImage()];
      const of = ({ digest, size, mediaType }: MadeManifest, platform: object) => ({
        digest,
        size,
        mediaType,
        platform,
      });
      const index = anIndex([], { manifests: [of(amd64, AMD64), of(arm64, ARM64)] });
      await fetchManifest(metadata, NODE, index, { tag: '20' });
      if (held !== 'arm64') await fetchWhole(metadata, NODE, amd64);
      if (held !== 'amd64') await fetchWhole(metadata, NODE, arm64);
      return { index, amd64, arm64 };
    };

    it('it uses the image of its platform, by default the host’s, and keeps the whole index', async () => {
      const { index, amd64, arm64 } = await anIndexOf('both');
      expect((await read((await made()).container)).image).toMatchObject({
        digest: index.digest,
        manifest: amd64.digest,
      });
      const other = await made({ platform: 'linux/arm64' });
      expect((await read(other.container)).image.manifest).toBe(arm64.digest);
      await untag(metadata, NODE, '20');
      await reviewAll(metadata);
      expect(await purgeAll(metadata)).toEqual([]);
    });

    it('an image that is sparse where it is needed is pulled first', async () => {
      await anIndexOf('arm64');
      expect(await create()).toMatchObject({ state: 'accepted', outcome: null });
      expect(await create({ platform: 'linux/arm64' })).toMatchObject({ state: 'completed' });
    });

    it('a platform that it is not built for is refused, and those that there are named', async () => {
      await anIndexOf('both');
      await expect(create({ platform: 'linux/s390x' })).rejects.toMatchObject({
        code: 'INVALID',
        message: expect.stringContaining('linux/amd64, linux/arm64'),
        detail: { field: 'platform' },
      });
    });
  });

  describe('of an image that is not here', () => {
    const claim = async () => (await work.claim('spec', ['pull', 'container-create'], 1)).operations[0]!;
    const complete = async (operation: { id: string; epoch: number }, image: MadeManifest) => {
      await fetchWhole(metadata, NODE, image, { operation });
      return end(operation, image);
    };
    const end = ({ id, epoch }: { id: string; epoch: number }, { digest }: MadeManifest) => {
      const tag = { name: '20' as Tag, askedMsAgo: 0 };
      return pulls.complete({ id, epoch, repository: NODE, tag, digest, outcome: {} });
    };

    it('it waits for the pull, whose end makes it in the same commit', async () => {
      const operation = await create({ name: 'web' });
      expect(operation).toMatchObject({ state: 'accepted', image: null });
      const claimed = await claim();
      expect(claimed).toMatchObject({ id: operation.id, kind: 'container-create', body: { image: 'node:20' } });
      const image = anImage();
      expect(await complete(claimed, image)).toBe(true);
      const ended = await metadata.operations.read(ANONYMOUS, operation.id);
      expect(ended).toMatchObject({ state: 'completed', outcome: { name: 'web', digest: image.digest, tag: '20' } });
      expect(await read('web')).toMatchObject({ image: { digest: image.digest, moved: false } });
      expect(await end(claimed, image)).toBe(true);
      expect(await list()).toHaveLength(1);
    });

    it('one whose name was taken meanwhile fails and says so; what was pulled stays', async () => {
      await create({ name: 'web' });
      const claimed = await claim();
      const other = await aFetched('other');
      await made({ name: 'web', image: 'node:other' });
      const image = anImage();
      expect(await complete(claimed, image)).toBe(true);
      expect(await metadata.operations.read(ANONYMOUS, claimed.id)).toMatchObject({
        state: 'failed',
        error: { code: 'CONFLICT', message: expect.stringContaining('web') },
      });
      expect((await read('web')).image.digest).toBe(other.digest);
      expect(await metadata.manifests.read(NODE, image.digest)).toBeDefined();
    });

    it('one without the bytes of all its layers is pulled again', async () => {
      await fetchManifest(metadata, NODE, anImage(), { tag: '20' });
      expect(await create()).toMatchObject({ state: 'accepted' });
    });

    it('one that no upstream has, or whose id alone is known, is refused', async () => {
      const id = anImage().digest;
      for (const image of [`${HERE}/team/app:1`, id]) {
        await expect(create({ image })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      }
      const coming = anImage();
      await fetchManifest(metadata, NODE, coming, { tag: 'coming' });
      await expect(create({ image: coming.digest })).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await metadata.database.read('SELECT FROM operation')).toEqual([]);
    });
  });

  describe('states', () => {
    it('it moves as it may, and each move is said', async () => {
      await aFetched();
      await made({ name: 'web' });
      for (const action of ['start', 'pause', 'unpause']) await change('web', action);
      await change('web', 'exit', { exitCode: 3 });
      expect(await read('web')).toMatchObject({
        state: 'exited',
        exitCode: 3,
        startedAt: expect.any(String),
        finishedAt: expect.any(String),
      });
      await change('web', 'restart');
      await change('web', 'kill');
      expect(await read('web')).toMatchObject({ state: 'exited', exitCode: 137 });
      expect((await facts()).slice(1).map(([, , state]) => state)).toEqual([
        ...['running', 'paused', 'running', 'exited', 'running', 'exited'],
      ]);
    });

    it('an illegal move is refused with those that are legal, and changes nothing', async () => {
      await aFetched();
      await made({ name: 'web' });
      await expect(change('web', 'pause')).rejects.toMatchObject({
        code: 'CONFLICT',
        detail: { state: 'created', allowed: ['start', 'restart', 'die'] },
      });
      await expect(change('web', 'start', { exitCode: 1 })).rejects.toMatchObject({ detail: { field: 'exitCode' } });
      await change('web', 'die');
      await expect(change('web', 'start')).rejects.toMatchObject({ detail: { state: 'dead', allowed: [] } });
      expect((await read('web')).state).toBe('dead');
    });

    it('of two who start it at once one is told that it runs', async () => {
      await aFetched();
      await made({ name: 'web' });
      const ended = await Promise.allSettled([change('web', 'start'), change('web', 'start')]);
      expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    });
  });

  describe('names', () => {
    it('one that is taken is refused, whoever comes second, and by a rename too', async () => {
      await aFetched();
      const { container } = await made({ name: 'web' });
      await expect(create({ name: 'web' })).rejects.toMatchObject({ code: 'CONFLICT', detail: { container } });
      await made({ name: 'db' });
      await expect(ask('container-rename', { container: 'db', name: 'web' })).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      await ask('container-rename', { container: 'web', name: 'front' });
      await ask('container-rename', { container: 'front', name: 'front' });
      await ask('container-rename', { container: 'db', name: 'web' });
      expect((await list()).map(({ name }) => name).sort()).toEqual(['front', 'web']);
      expect((await facts()).filter(([fact]) => fact === 'changed')).toHaveLength(2);
    });

    it('of twenty who want one name at once, one has it', async () => {
      await aFetched();
      const ended = await Promise.allSettled(Array.from({ length: 20 }, () => create({ name: 'web' })));
      const refused = ended.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
      expect(refused).toEqual(Array.from({ length: 19 }, () => 'CONFLICT'));
    });

    it('asked twice under one id, one is made', async () => {
      await aFetched();
      const [first, second] = [
        await ask('container-create', { image: 'node:20' }, 'once'),
        await ask('container-create', { image: 'node:20' }, 'once'),
      ];
      expect(second.id).toBe(first.id);
      expect(await list()).toHaveLength(1);
      await expect(ask('container-create', { image: 'node:21' }, 'once')).rejects.toMatchObject({ code: 'CONFLICT' });
    });

    it('one is found by its id, its name and the beginning of its id; an ambiguous one is told the candidates', async () => {
      await aFetched();
      const { container } = await made({ name: 'web' });
      for (const text of [container, 'web', container.slice(0, 12)]) expect((await read(text)).id).toBe(container);
      await metadata.database.read(
        `INSERT INTO container (id, name, repository_id, digest, state, principal)
          SELECT overlay(id PLACING CASE right(id, 1) WHEN '0' THEN '1' ELSE '0' END FROM 64), 'twin', repository_id, digest, state, principal FROM container`,
      );
      for (const text of [container.slice(0, 1), container.slice(0, 63)]) {
        await expect(read(text)).rejects.toMatchObject({ code: 'CONFLICT', detail: { candidates: expect.any(Array) } });
      }
      for (const text of ['nobody', "x' OR true --"])
        await expect(read(text)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });

  describe('a remove', () => {
    it('of a running one is refused, unless it is forced', async () => {
      await aFetched();
      await made({ name: 'web' });
      await change('web', 'start');
      await expect(ask('container-remove', { container: 'web' })).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await ask('container-remove', { container: 'web', force: true })).toMatchObject({
        outcome: { name: 'web', state: 'running' },
      });
      expect(await list()).toEqual([]);
    });

    it('of several by their ids takes those that are there, and has their images reviewed', async () => {
      await aFetched();
      const ids = (await Promise.all([made(), made()])).map(({ container }) => container);
      await metadata.database.read('DELETE FROM review');
      const gone = await metadata.database.transaction('spec.remove', (sql) =>
        removeContainers(sql, [...ids, 'f'.repeat(64)], { reviewInMs: 0 }),
      );
      expect(gone.map(({ id }) => id)).toEqual([...ids].sort());
      expect(await metadata.database.read(`SELECT FROM review WHERE kind = 'manifest'`)).toHaveLength(1);
    });
  });

  describe('a prune', () => {
    const prune = async (body: object = {}) => {
      const { outcome } = await ask('container-prune', { ...body });
      return outcome as { count: number; containers: { name: string }[] };
    };

    /** What the configs of all images say was read. */
    const said = (labels: object) =>
      metadata.database.read('UPDATE image_config SET labels = $1, read_at = now()', [JSON.stringify(labels)]);

    it('takes those that have no process, and no other; the same at once takes each once', async () => {
      await aFetched();
      for (const name of ['created', 'running', 'paused', 'exited', 'dead']) await made({ name });
      for (const name of ['running', 'paused', 'exited']) await change(name, 'start');
      await change('paused', 'pause');
      await change('exited', 'exit');
      await change('dead', 'die');
      expect((await prune({ dryRun: true })).containers.map(({ name }) => name).sort()).toEqual([
        ...['created', 'dead', 'exited'],
      ]);
      expect(await list()).toHaveLength(5);
      const both = await Promise.all([prune(), prune()]);
      expect(both.map(({ count }) => count).sort()).toEqual([0, 3]);
      expect((await list()).map(({ name }) => name).sort()).toEqual(['paused', 'running']);
    });

    it.each([
      [['team=a'], ['a']],
      [['team'], ['a', 'b']],
      [['!team'], ['none']],
      [['!team=a'], ['b', 'none']],
      [['team=a', 'team=b'], []],
      [['team', '!keep'], ['b']],
      [['team='], []],
    ])('by the labels %j takes %j', async (labels, names) => {
      await aFetched();
      await made({ name: 'a', labels: { team: 'a', keep: '' } }).catch(() => undefined);
      await made({ name: 'a0', labels: { team: 'a', keep: '' } });
      await made({ name: 'b0', labels: { team: 'b' } });
      await made({ name: 'none' });
      await said({ base: 'node' });
      const { containers } = await prune({ labels, dryRun: true });
      expect(containers.map(({ name }) => name.replace('0', '')).sort()).toEqual(names);
      expect((await list({ labels })).map(({ name }) => name.replace('0', '')).sort()).toEqual(names);
    });

    it('by a label takes those whose image has it too, where they have no other; none whose image was not read yet', async () => {
      await aFetched();
      await made({ name: 'image-s' });
      await made({ name: 'own', labels: { base: 'mine' } });
      expect((await prune({ labels: ['base'] })).count).toBe(0);
      expect((await prune({ labels: ['!base'] })).count).toBe(0);
      await said({ base: 'node' });
      expect((await read('own')).labels).toEqual({ base: 'mine' });
      expect((await read('image-s')).labels).toEqual({ base: 'node' });
      expect((await metadata.containers.read('image-s')).overrides.labels).toEqual({});
      expect((await prune({ labels: ['base=node'] })).containers).toMatchObject([{ name: 'image-s' }]);
    });

    it('leaves those made since the time that is said', async () => {
      await aFetched();
      await made({ name: 'old' });
      await metadata.database.read(`UPDATE container SET created_at = '2026-01-01T00:00:00Z'`);
      await made({ name: 'new' });
      expect((await prune({ until: '2026-01-02T01:00:00+01:00' })).containers).toMatchObject([{ name: 'old' }]);
      expect((await prune({ until: '2026-01-02T01:00:00+01:00' })).count).toBe(0);
    });

    it('takes those of that age by Postgres’ clock, in which the time that metadata was away is none', async () => {
      await aFetched();
      for (const name of ['old', 'away', 'new']) await made({ name });
      const created = (name: string, hours: number) =>
        metadata.database.read(`UPDATE container SET created_at = now() - $2 * interval '1 hour' WHERE name = $1`, [
          ...[name, hours],
        ]);
      await created('old', 200);
      await created('away', 30);
      await metadata.database.read(
        `INSERT INTO absence (began_at, ended_at) VALUES (now() - interval '20 hours', now() - interval '10 hours')`,
      );
      expect((await prune({ until: '1d' })).containers).toMatchObject([{ name: 'old' }]);
      await metadata.database.read('DELETE FROM absence');
      expect((await prune({ until: '1d' })).containers).toMatchObject([{ name: 'away' }]);
      await expect(prune({ until: '2026-02-30' })).rejects.toMatchObject({ detail: { field: 'until' } });
    });

    it('of ten thousand is done a thousand at a time, and names the first hundred; none that came after it was asked', async () => {
      await aFetched();
      await made();
      await metadata.database.read(
        `INSERT INTO container (id, name, repository_id, digest, state, principal)
          SELECT lpad(to_hex(n), 64, '0'), 'n' || n, repository_id, digest, 'exited', 'p'
          FROM container, generate_series(1, 9999) n`,
      );
      expect(await prune({ dryRun: true })).toMatchObject({ count: 10_000 });
      const operation = await ask('container-prune', {});
      expect(operation).toMatchObject({ state: 'accepted', outcome: null });
      await made({ name: 'later' });
      const { operations } = await work.claim('spec', ['container-prune'], 1);
      const claim = { id: operation.id, epoch: operations[0]!.epoch };
      const removes = new RemoveImageHandler(metadata.database, metadata.config);
      const parts: number[] = [];
      for (let more = true; more; ) {
        const part = await removes.remove(claim);
        parts.push(part.removedCount);
        more = part.more;
      }
      expect(parts).toEqual([...Array.from({ length: 10 }, (_, n) => (n + 1) * 1000), 10_000]);
      expect(await removes.remove(claim)).toMatchObject({ removed: [], more: false });
      const { state, outcome } = (await metadata.operations.read(ANONYMOUS, operation.id))!;
      const { count, containers } = outcome as { count: number; containers: unknown[] };
      expect({ state, count, named: containers.length }).toEqual({ state: 'completed', count: 10_000, named: 100 });
      expect((await list()).map(({ name }) => name)).toEqual(['later']);
    });
  });

  describe('a list', () => {
    it('comes in pages, the newest first, each once', async () => {
      await aFetched();
      await Promise.all(Array.from({ length: 7 }, () => made()));
      await metadata.database.read('UPDATE container SET created_at = (SELECT max(created_at) FROM container)');
      await made({ name: 'newest' });
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await metadata.containers.list({ labels: [], limit: 3, after });
        seen.push(...page.containers.map(({ name }) => name));
        after = page.next ?? undefined;
      } while (after);
      expect(seen[0]).toBe('newest');
      expect(new Set(seen).size).toBe(8);
      for (const after of ['x', `-999999999999999999.${'a'.repeat(64)}`, `1.${'a'.repeat(63)}`]) {
        await expect(metadata.containers.list({ labels: [], limit: 3, after })).rejects.toMatchObject({
          detail: { field: 'after' },
        });
      }
    });

    it('is filtered by state, a part of the name, and the image that a reference names', async () => {
      const image = await aFetched();
      await aFetched('21');
      await made({ name: 'web-1' });
      await made({ name: 'Web-2', image: 'node:21' });
      await change('web-1', 'start');
      const names = async (filter: object) => (await list(filter)).map(({ name }) => name);
      expect(await names({ state: 'running' })).toEqual(['web-1']);
      expect(await names({ name: 'WEB' })).toEqual(['Web-2', 'web-1']);
      expect(await names({ name: '.*' })).toEqual([]);
      expect(await names({ image: 'node:20' })).toEqual(['web-1']);
      expect(await names({ image: image.digest.slice(0, 20) })).toEqual(['web-1']);
      expect(await names({ image: 'node:99' })).toEqual([]);
      await expect(list({ image: 'Node' })).rejects.toMatchObject({ detail: { field: 'image' } });
    });
  });

  it.each([
    ['container-create', { image: '' }, 'image'],
    ['container-create', { image: 'Node' }, 'image'],
    ['container-create', { image: 'node', name: '-x' }, 'name'],
    ['container-create', { image: 'node', name: 'x' }, 'name'],
    ['container-create', { image: 'node', name: 'a/b' }, 'name'],
    ['container-create', { image: 'node:20', platform: 'linux/amd64/v1/x/y' }, 'platform'],
    ['container-create', { image: 'node', env: ['=x'] }, 'env.0'],
    ['container-create', { image: 'node', env: ['A=\0'] }, 'env.0'],
    ['container-create', { image: 'node', cmd: ['\ud800'] }, 'cmd.0'],
    ['container-create', { image: 'node', entrypoint: 'sh' }, 'entrypoint'],
    ['container-create', { image: 'node', workingDir: 'app' }, 'workingDir'],
    ['container-create', { image: 'node', volumes: ['/'] }, 'volumes.0'],
    ['container-create', { image: 'node', volumes: ['data'] }, 'volumes.0'],
    ['container-create', { image: 'node', exposedPorts: ['0/tcp'] }, 'exposedPorts.0'],
    ['container-create', { image: 'node', exposedPorts: ['65536'] }, 'exposedPorts.0'],
    ['container-create', { image: 'node', exposedPorts: ['80/icmp'] }, 'exposedPorts.0'],
    ['container-create', { image: 'node', stopSignal: 'SIGNOTHING' }, 'stopSignal'],
    ['container-create', { image: 'node', stopSignal: '0' }, 'stopSignal'],
    ['container-create', { image: 'node', stopTimeout: -2 }, 'stopTimeout'],
    ['container-create', { image: 'node', hostname: 'a_b' }, 'hostname'],
    ['container-create', { image: 'node', labels: { '': 'x' } }, 'labels.'],
    ['container-create', { image: 'node', healthcheck: { test: ['NONE', 'x'] } }, 'healthcheck.test'],
    ['container-create', { image: 'node', healthcheck: { test: ['sh'] } }, 'healthcheck.test'],
    ['container-create', { image: 'node', healthcheck: { intervalMs: 0.5 } }, 'healthcheck.intervalMs'],
    ['container-create', { image: 'node', healthcheck: { retries: -1 } }, 'healthcheck.retries'],
    ['container-create', { image: 'node', privileged: true }, 'privileged'],
    ['container-change', { container: 'web', action: 'stop' }, 'action'],
    ['container-change', { container: 'web', action: 'exit', exitCode: 256 }, 'exitCode'],
    ['container-rename', { container: 'web', name: '' }, 'name'],
    ['container-remove', { container: '' }, 'container'],
    ['container-remove', { container: "web' --" }, 'container'],
    ['container-prune', { until: 'yesterday' }, 'until'],
    ['container-prune', { labels: ['=x'] }, 'labels.0'],
    ['container-prune', { labels: ['!'] }, 'labels.0'],
    ['container-prune', { labels: Array.from({ length: 21 }, () => 'a') }, 'labels'],
  ] as const)('%s of %j is refused, naming %s, and nothing is left', async (kind, body, field) => {
    await aFetched();
    const refused = await ask(kind, body).catch((error: { code: string; detail: { field: string } }) => error);
    expect(refused).toMatchObject({ code: expect.stringMatching(/^INVALID$/), detail: { field } });
    expect(await metadata.database.read('SELECT FROM operation UNION ALL SELECT FROM container')).toEqual([]);
  });

  it('what is done to one that is not there is refused', async () => {
    const asked: [OperationKind, object][] = [
      ['container-change', { container: 'web', action: 'start' }],
      ['container-rename', { container: 'web', name: 'db' }],
      ['container-remove', { container: 'web' }],
    ];
    for (const [kind, body] of asked) {
      await expect(ask(kind, { ...body })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
  });

  it('what is no image is refused', async () => {
    const chart = anImage();
    await fetchWhole(metadata, NODE, chart, { tag: '20', source: HUB });
    await metadata.database.read(
      `UPDATE manifest_blob SET media_type = 'application/vnd.cncf.helm.config.v1+json' WHERE role = 'config'`,
    );
    await expect(create()).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('an image that was put away is not taken by a digest that somebody remembers', async () => {
    const image = await aFetched();
    await untag(metadata, NODE, '20');
    await metadata.database.read('UPDATE repository_manifest SET removed_at = clock_timestamp()');
    await expect(create({ image: image.digest })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await create({ image: `node@${image.digest}` })).toMatchObject({ state: 'accepted' });
  });

  it('a password that somebody pasted before the image is not kept', async () => {
    const asked = {
      principal: ANONYMOUS,
      requestId: randomUUID(),
      kind: 'container-create' as const,
      body: { image: 'https://me:secret@ghcr.io/a/b' },
    };
    await metadata.operations.refuse(asked, { code: 'INVALID', message: 'no' });
    const rows = await metadata.database.read('SELECT * FROM operation');
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain('secret');
  });
});
