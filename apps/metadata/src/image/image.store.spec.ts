import { randomUUID } from 'node:crypto';
import type { Operation } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import type { Tag } from '#oci/tag';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type MadeManifest,
  type Metadata,
  openMetadata,
  removeNow,
  repositoryName,
  reviewAll,
} from '../metadata.testing';
import type { OperationStore } from '../operation/operation.store';
import { OperationWorkStore } from '../operation/operation-work.store';
import { ImageStore } from './image.store';
import { PullCountStore } from './pull-count.store';
import { RemoveImageHandler } from './remove-image.handler';

const ALPINE = 'docker.io/library/alpine';

describe('images', () => {
  let metadata: Metadata;
  let images: ImageStore;
  let operations: OperationStore;
  let work: OperationWorkStore;
  let removes: RemoveImageHandler;

  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_HOSTS: 'registry.team:5050' });
    const { database, config } = metadata;
    images = new ImageStore(database);
    operations = metadata.operations;
    work = new OperationWorkStore(database, config);
    removes = new RemoveImageHandler(database, config);
  });
  afterAll(() => metadata?.stop());
  beforeEach(() =>
    run('TRUNCATE operation, outbox, review, tag, trash, container, repository_manifest, manifest, repository CASCADE'),
  );

  const run = (text: string, params: unknown[] = []) =>
    metadata.database.transaction('metadata.test', (sql) => sql.query<{ id: number }>(text, params));
  const rows = <Row>(text: string, params: unknown[] = []) => metadata.database.read<Row>(text, params);
  const list = async () => (await images.list({ limit: 100 })).images;
  const accept = async (reference: string, more: object = {}) =>
    (
      await operations.accept({
        principal: ANONYMOUS,
        requestId: randomUUID(),
        kind: 'remove',
        body: { reference, ...more },
      })
    ).operation;
  const acceptAll = async (...references: string[]) =>
    (await operations.accept({ principal: ANONYMOUS, requestId: randomUUID(), kind: 'remove', body: { references } }))
      .operation;
  const claim = async () => (await work.claim('gc', ['remove'], 1)).operations[0]!;
  const remove = async (reference: string, more: object = {}) => {
    const { state, outcome } = await accept(reference, more);
    expect(state).toBe('completed');
    return outcome!.removed as string[];
  };
  const read = async (id: string): Promise<Operation> => (await operations.read(ANONYMOUS, id))!;
  const dueInMs = async (digest: string, repository = ALPINE) =>
    (
      await rows<{ ms: number }>(
        `SELECT (extract(epoch FROM due_at - now()) * 1000)::float8 AS ms
         FROM review JOIN repository ON repository.id = repository_id WHERE digest = $1 AND name = $2`,
        [digest, repository],
      )
    ).map(({ ms }) => ms)[0];
  /** As a push leaves it: a repository of ours, with this image under these tags. */
  const push = async (repository: string, image: MadeManifest, ...tags: string[]) => {
    await fetchWhole(metadata, `docker.io/stand/in-${randomUUID()}`, image);
    await run('INSERT INTO repository (name) VALUES ($1) ON CONFLICT DO NOTHING', [repository]);
    await run('INSERT INTO repository_manifest (repository_id, digest) SELECT id, $2 FROM repository WHERE name = $1', [
      repository,
      image.digest,
    ]);
    for (const tag of tags) {
      await run('INSERT INTO tag (repository_id, name, digest) SELECT id, $2, $3 FROM repository WHERE name = $1', [
        repository,
        tag,
        image.digest,
      ]);
    }
    await run(
      `DELETE FROM repository_manifest WHERE repository_id IN (SELECT id FROM repository WHERE name LIKE 'docker.io/stand/in-%')`,
    );
  };
  const runContainer = (repository: string, image: MadeManifest, name = 'web') =>
    run(
      `INSERT INTO container (id, name, repository_id, digest, state, principal)
       SELECT $3, $3, id, $2, 'running', 'k1m' FROM repository WHERE name = $1`,
      [repository, image.digest, name],
    );

  const marked = async () =>
    (await rows<{ name: string }>('SELECT name FROM container WHERE image_removed_at IS NOT NULL ORDER BY name')).map(
      ({ name }) => name,
    );

  describe('the list', () => {
    it('shows an image once, with its tags, what is held of it, and where it came from', async () => {
      const image = anImage();
      await fetchManifest(metadata, ALPINE, image, { tag: '3' });
      await fetchManifest(metadata, ALPINE, image, { tag: 'latest' });
      expect(await list()).toMatchObject([{ repository: ALPINE, tags: ['3', 'latest'], size: 0, complete: false }]);
      await fetchWhole(metadata, ALPINE, image);
      const size = image.blobs.reduce((sum, blob) => sum + blob.size, 0);
      expect(await list()).toEqual([
        {
          repository: ALPINE,
          tags: ['3', 'latest'],
          digest: image.digest,
          id: image.digest,
          mediaType: image.mediaType,
          size,
          complete: true,
          platforms: [],
          createdAt: expect.any(String),
          pulls: 0,
          pulledAt: null,
          source: 'fetched',
        },
      ]);
    });

    it('counts a layer that two images of an index share once, and shows the platforms that are held', async () => {
      const first = anImage();
      const second = anImage([...first.blobs.slice(1)]);
      const sparse = anImage();
      const index = anIndex([first, second, sparse]);
      const platforms = ['amd64', 'arm64', 's390x'];
      const value = JSON.parse(Buffer.from(index.bytes).toString()) as { manifests: object[] };
      const manifests = value.manifests.map((child, n) => ({
        ...child,
        platform: { os: 'linux', architecture: platforms[n] },
      }));
      const whole = anIndex([], { manifests });
      await fetchManifest(metadata, ALPINE, whole, { tag: '3' });
      await fetchWhole(metadata, ALPINE, first);
      expect(await list()).toMatchObject([{ digest: whole.digest, complete: true, platforms: ['linux/amd64'] }]);
      await fetchManifest(metadata, ALPINE, second);
      expect(await list()).toMatchObject([
        { complete: false, platforms: expect.arrayContaining(['linux/amd64', 'linux/arm64']) },
      ]);
      await fetchWhole(metadata, ALPINE, second);
      const blobs = new Map([...first.blobs, ...second.blobs].map((blob) => [blob.digest, blob.size]));
      const size = [...blobs.values()].reduce((sum, one) => sum + one, 0);
      expect(await list()).toMatchObject([{ size, complete: true }]);
    });

    it('shows a child of an index only once it is tagged', async () => {
      const child = anImage();
      await fetchManifest(metadata, ALPINE, anIndex([child]), { tag: 'index' });
      await fetchManifest(metadata, ALPINE, child);
      expect(await list()).toHaveLength(1);
      await fetchManifest(metadata, ALPINE, child, { tag: 'child' });
      expect((await list()).map(({ tags }) => tags[0]).sort()).toEqual(['child', 'index']);
    });

    it('pages through all of them in the order of bytes, each once', async () => {
      for (const repository of ['docker.io/a/a', 'docker.io/a/b', 'docker.io/a-b/c']) {
        for (let n = 0; n < 3; n++) await fetchManifest(metadata, repository, anImage(), { tag: `${n}`, fill: false });
      }
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await images.list({ limit: 2, ...(after === undefined ? {} : { after }) });
        seen.push(...page.images.map(({ repository, digest }) => `${repository}@${digest}`));
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(seen).toEqual([...new Set(seen)].sort());
      expect(seen).toHaveLength(9);
      expect((await images.list({ repository: 'docker.io/a/b', limit: 100 })).images).toHaveLength(3);
      await expect(images.list({ after: 'x', limit: 1 })).rejects.toMatchObject({ code: 'INVALID' });
    });
  });

  describe('removing a tag', () => {
    it('takes that tag away and leaves the others, with its history and its fact', async () => {
      const image = anImage();
      await fetchWhole(metadata, ALPINE, image, { tag: '3' });
      await fetchManifest(metadata, ALPINE, image, { tag: 'latest' });
      const { id } = await accept('alpine');
      expect(await list()).toMatchObject([{ tags: ['3'] }]);
      expect(await read(id)).toMatchObject({
        state: 'completed',
        outcome: { removed: [`${ALPINE}:latest`], removedCount: 1, left: [], leftCount: 0 },
      });
      expect(
        await rows(
          'SELECT name, from_digest, to_digest, principal, operation_id FROM tag_move ORDER BY id DESC LIMIT 1',
        ),
      ).toEqual([
        { name: 'latest', from_digest: image.digest, to_digest: null, principal: 'anonymous', operation_id: id },
      ]);
      const facts = await rows<{ message: { data: unknown } }>(
        `SELECT message FROM outbox WHERE subject = 'entrepot.fact.tag.removed'`,
      );
      expect(facts.map(({ message }) => message.data)).toEqual([
        { repository: ALPINE, tag: 'latest', from: image.digest },
      ]);
    });

    it('takes the image with its last tag: it is gone from the list, and is reviewed after the delay', async () => {
      const image = anImage();
      await fetchWhole(metadata, ALPINE, image, { tag: '3' });
      expect(await remove('alpine:3')).toEqual([`${ALPINE}:3`, `${ALPINE}@${image.digest}`]);
      expect(await list()).toEqual([]);
      const due = await dueInMs(image.digest);
      expect(due).toBeGreaterThan(50 * 60_000);
      expect(due).toBeLessThanOrEqual(60 * 60_000);
      expect(await rows('SELECT 1 FROM trash')).toEqual([]);
      await new PullCountStore(metadata.database).record([
        { repository: repositoryName(ALPINE), digest: image.digest, count: 1, lastMsAgo: 0 },
      ]);
      expect(await list()).toMatchObject([{ digest: image.digest, tags: [] }]);
    });

    it('leaves a tag alone that was moved after the remove was accepted, and says so', async () => {
      const [before, after] = [anImage(), anImage()];
      await fetchWhole(metadata, ALPINE, before, { tag: '3' });
      const { id } = await acceptAll('alpine:3');
      await fetchWhole(metadata, ALPINE, after, { tag: '3' });
      expect((await removes.remove(await claim())).removed).toEqual([]);
      expect((await read(id)).outcome).toMatchObject({ removed: [], left: [expect.stringContaining(after.digest)] });
      const [tag] = await rows<{ name: Tag; digest: string }>('SELECT name, digest FROM tag');
      expect(tag).toEqual({ name: '3', digest: after.digest });
    });

    it('says that it is gone already', async () => {
      await fetchWhole(metadata, ALPINE, anImage(), { tag: '3' });
      const [first, second] = [await acceptAll('alpine:3'), await acceptAll('alpine:3')];
      await removes.remove(await claim());
      await removes.remove(await claim());
      const left = [(await read(first.id)).outcome?.left, (await read(second.id)).outcome?.left];
      expect(left).toContainEqual(['docker.io/library/alpine:3 is gone already']);
    });

    it('refuses the last name of an image that a container uses, unless forced; then the content stays', async () => {
      const image = anImage();
      await fetchWhole(metadata, ALPINE, image, { tag: '3' });
      await fetchManifest(metadata, ALPINE, image, { tag: 'latest' });
      await runContainer(ALPINE, image);
      expect(await remove('alpine:latest')).toEqual([`${ALPINE}:latest`]);
      await expect(remove('alpine:3')).rejects.toMatchObject({ code: 'CONFLICT', detail: { containers: ['web'] } });
      expect(await list()).toMatchObject([{ tags: ['3'] }]);
      expect(await remove('alpine:3', { force: true })).toEqual([`${ALPINE}:3`, `${ALPINE}@${image.digest}`]);
      expect(await rows('SELECT 1 FROM repository_manifest')).toHaveLength(1);
    });

    it('marks the containers whose image a forced one left without a name, and no others', async () => {
      const [image, child] = [anImage(), anImage()];
      await fetchWhole(metadata, ALPINE, image, { tag: '3' });
      await fetchManifest(metadata, ALPINE, image, { tag: 'latest' });
      for (const tag of ['multi', 'again'])
        await fetchManifest(metadata, ALPINE, anIndex([child], { of: tag }), { tag });
      await fetchManifest(metadata, ALPINE, child);
      await runContainer(ALPINE, image);
      await runContainer(ALPINE, child, 'child');
      await remove('alpine:latest', { force: true });
      await remove('alpine:multi', { force: true });
      expect(await marked()).toEqual([]);
      await remove('alpine:3', { force: true });
      expect(await marked()).toEqual(['web']);
      await remove('alpine:again', { force: true });
      expect(await marked()).toEqual(['child', 'web']);
    });

    it('knows a container that runs one platform of the index', async () => {
      const child = anImage();
      await fetchManifest(metadata, ALPINE, anIndex([child]), { tag: '3' });
      await fetchManifest(metadata, ALPINE, child);
      await runContainer(ALPINE, child);
      await expect(remove('alpine:3')).rejects.toMatchObject({ code: 'CONFLICT' });
    });
  });

  describe('removing an image', () => {
    it('by digest takes every tag of it in that repository, and of that repository alone', async () => {
      const image = anImage();
      for (const tag of ['3', 'latest']) await fetchManifest(metadata, ALPINE, image, { tag });
      await fetchManifest(metadata, 'docker.io/other/alpine', image, { tag: 'kept' });
      expect(await remove(`alpine@${image.digest}`)).toEqual([
        `${ALPINE}:3`,
        `${ALPINE}:latest`,
        `${ALPINE}@${image.digest}`,
      ]);
      expect(await list()).toMatchObject([{ repository: 'docker.io/other/alpine', tags: ['kept'] }]);
    });

    it.each([
      ['its id', (image: MadeManifest) => image.digest as string],
      ['its id without the algorithm', (image: MadeManifest) => image.digest.slice(7)],
      ['the beginning of its id', (image: MadeManifest) => image.digest.slice(7, 19)],
      ['the digest of its config', (image: MadeManifest) => image.blobs[0]!.digest as string],
    ])('finds it by %s', async (_, name) => {
      const image = anImage();
      await fetchManifest(metadata, ALPINE, image, { tag: '3' });
      await fetchManifest(metadata, ALPINE, anImage(), { tag: 'other' });
      expect(await remove(name(image))).toEqual([`${ALPINE}:3`, `${ALPINE}@${image.digest}`]);
    });

    it('refuses an id that several repositories hold, unless forced', async () => {
      const image = anImage();
      await fetchManifest(metadata, ALPINE, image, { tag: '3' });
      await fetchManifest(metadata, 'docker.io/other/alpine', image, { tag: '4' });
      const repositories = [ALPINE, 'docker.io/other/alpine'];
      await expect(accept(image.digest)).rejects.toMatchObject({ code: 'CONFLICT', detail: { repositories } });
      expect(await remove(image.digest, { force: true })).toHaveLength(4);
      expect(await list()).toEqual([]);
    });

    it('refuses one of the images of an index, and says which', async () => {
      const child = anImage();
      const index = anIndex([child]);
      await fetchManifest(metadata, ALPINE, index, { tag: '3' });
      await fetchManifest(metadata, ALPINE, child);
      await expect(remove(`alpine@${child.digest}`)).rejects.toMatchObject({
        code: 'CONFLICT',
        detail: { parents: [index.digest] },
      });
    });

    it('takes all that an index lists with it', async () => {
      const children = [anImage(), anImage()];
      await fetchManifest(metadata, ALPINE, anIndex(children), { tag: '3' });
      for (const child of children) await fetchWhole(metadata, ALPINE, child);
      await removeNow(metadata, { reference: 'alpine:3' });
      await reviewAll(metadata);
      expect(await rows('SELECT 1 FROM repository_manifest')).toEqual([]);
    });

    it('says what is not here', async () => {
      for (const reference of ['alpine:nope', `alpine@${anImage().digest}`, 'abcdef12', 'localhost:5050/team/app']) {
        await expect(accept(reference)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      }
      await expect(accept('Alpine')).rejects.toMatchObject({ code: 'INVALID', detail: { field: 'reference' } });
    });

    it('names the first of many names that went, and counts all', async () => {
      const image = anImage();
      await fetchWhole(metadata, ALPINE, image, { tag: '3' });
      await metadata.database.transaction('metadata.test', (sql) =>
        sql.query(
          `INSERT INTO tag (repository_id, name, digest)
            SELECT repository_id, 'v' || n, digest FROM tag, generate_series(1, 150) AS n`,
        ),
      );
      const { id } = await accept(`alpine@${image.digest}`);
      const claimed = await claim();
      expect(await removes.remove(claimed)).toMatchObject({ more: true, removedCount: 128 });
      expect(await list()).toMatchObject([{ tags: { length: 23 } }]);
      expect(await removes.remove(claimed)).toMatchObject({ more: false, removedCount: 152 });
      const { outcome } = await read(id);
      expect(outcome).toMatchObject({ removedCount: 152, left: [], leftCount: 0 });
      expect(outcome?.removed).toHaveLength(100);
    });

    it('answers the same when it is sent again', async () => {
      await fetchManifest(metadata, ALPINE, anImage(), { tag: '3' });
      await acceptAll('alpine:3');
      const claimed = await claim();
      const removed = await removes.remove(claimed);
      expect(await removes.remove(claimed)).toEqual(removed);
      await expect(removes.remove({ ...claimed, epoch: 7 })).rejects.toMatchObject({ code: 'STALE' });
    });
  });

  describe('a repository of ours', () => {
    it('is named by one of our own hosts, and its images can be brought back for a while', async () => {
      const image = anImage();
      await push('team/app', image, '1', '2');
      const { id, outcome } = await accept('registry.team:5050/team/app:1');
      expect(outcome!.removed).toEqual(['team/app:1']);
      expect(await remove('localhost:5050/team/app:2')).toEqual(['team/app:2', `team/app@${image.digest}`]);
      const trash = await rows<{ tags: string[]; hours: number; operation_id: string }>(
        `SELECT tags, operation_id, extract(epoch FROM until - now())::float8 / 3600 AS hours FROM trash ORDER BY removed_at`,
      );
      expect(trash).toMatchObject([{ tags: ['1'], operation_id: id }, { tags: ['2'] }]);
      expect(trash[0]!.hours).toBeCloseTo(24, 1);
    });

    it('keeps nothing for an undo, and no delay, where it is to go now', async () => {
      const image = anImage();
      await push('team/app', image, '1', '2');
      await remove('localhost:5050/team/app:1');
      await removeNow(metadata, { reference: 'localhost:5050/team/app:2' });
      expect(await rows('SELECT 1 FROM trash WHERE keeps IS NOT NULL')).toEqual([]);
      expect(await dueInMs(image.digest, 'team/app')).toBeLessThanOrEqual(0);
    });
  });
});
