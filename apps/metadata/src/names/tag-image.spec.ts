import { randomUUID } from 'node:crypto';
import type { OperationKind } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import type { Digest } from '#oci/digest';
import type { Tag } from '#oci/tag';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  findBlob,
  type MadeManifest,
  type Metadata,
  openMetadata,
  purgeAll,
  repositoryName,
  reviewAll,
  untag,
} from '../metadata.testing';

const NODE = 'docker.io/library/node';
const APP = repositoryName('team/app');
const HERE = 'localhost:5050';

describe('names of our own', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({
      ENTREPOT_REVIEW_DELAY_MS: 0,
      ENTREPOT_GRACE_MS: 0,
      ENTREPOT_KEEP_PULLED_MS: 0,
      ENTREPOT_PIN_MS: 1,
      ENTREPOT_PIN_WRITE_MS: 0,
    });
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());
  beforeEach(() =>
    metadata.database.read('TRUNCATE repository, manifest, blob, object, operation, review, outbox CASCADE'),
  );

  const ask = async (kind: OperationKind, body: Record<string, unknown>) => {
    const asked = { principal: ANONYMOUS, requestId: randomUUID(), kind, body };
    return (await metadata.operations.accept(asked)).operation;
  };
  const tag = (source: string, target: string, more: object = {}) => ask('tag', { source, target, ...more });
  const names = async (name: string, repository = APP) =>
    (await metadata.hot.resolveTags({ tags: [{ repository, tag: name as Tag }] })).manifests[0]?.digest ?? null;
  const aFetched = async (name = '20') => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: name });
    return image;
  };
  const isReadable = async ({ blobs }: MadeManifest, repository: string = APP) =>
    (await Promise.all(blobs.map(({ digest }) => findBlob(metadata, repository, digest)))).every(Boolean);

  it('an image gets one at once, and is readable under it; nothing but rows is copied', async () => {
    const image = await aFetched();
    const operation = await tag('node:20', `${HERE}/team/app:1`);
    expect(operation).toMatchObject({
      state: 'completed',
      image: { repository: APP, tag: '1', digest: image.digest },
      outcome: { repository: APP, tag: '1', from: null, to: image.digest },
    });
    expect(await names('1')).toBe(image.digest);
    expect(await isReadable(image)).toBe(true);
    const [objects] = await metadata.database.read<{ n: number }>('SELECT count(*) AS n FROM object');
    expect(objects!.n).toBe(image.blobs.length);
    expect(await metadata.rows.check()).toEqual([]);
  });

  it('it keeps the image when the name that it came by is gone', async () => {
    const image = await aFetched();
    await tag('node:20', `${HERE}/team/app:1`);
    await untag(metadata, NODE, '20');
    await reviewAll(metadata);
    expect(await purgeAll(metadata)).toEqual([]);
    expect(await isReadable(image)).toBe(true);
    await ask('untag', { reference: `${HERE}/team/app:1` });
    expect(await names('1')).toBeNull();
    await reviewAll(metadata);
    expect((await purgeAll(metadata)).length).toBe(image.blobs.length);
  });

  it.each([
    ['a digest', ({ digest }: MadeManifest) => `node@${digest}`],
    ['a name, a tag and a digest', ({ digest }: MadeManifest) => `node:20@${digest}`],
    ['an id', ({ digest }: MadeManifest) => digest],
    ['the beginning of an id', ({ digest }: MadeManifest) => digest.slice(7, 19)],
    ['the digest of its config', ({ blobs }: MadeManifest) => blobs[0]!.digest],
  ])('its source may be %s', async (_what, source) => {
    const image = await aFetched();
    await tag(source(image), `${HERE}/team/app`);
    expect(await names('latest')).toBe(image.digest);
  });

  it('an index comes with the children that are held, and keeps them', async () => {
    const [held, sparse] = [anImage(), anImage()];
    const index = anIndex([held, sparse]);
    await fetchManifest(metadata, NODE, index, { tag: '20' });
    await fetchWhole(metadata, NODE, held);
    await tag('node:20', `${HERE}/team/app:1`);
    await untag(metadata, NODE, '20');
    await reviewAll(metadata);
    expect(await purgeAll(metadata)).toEqual([]);
    expect(await isReadable(held)).toBe(true);
    expect(await metadata.rows.check()).toEqual([]);
  });

  it('who gives an image a name wants it again: it is listed without that, and its containers have an image', async () => {
    const image = await aFetched();
    const name = `${HERE}/team/app:1`;
    await tag('node:20', name);
    await ask('container-create', { image: name, name: 'again' });
    await ask('remove', { reference: name, force: true });
    const container = async () => (await metadata.containers.list({ labels: [], limit: 10 })).containers[0]?.image;
    const listed = async () => (await metadata.images.list({ repository: APP, limit: 10 })).images;
    expect([await container(), await listed()]).toMatchObject([{ removed: true }, []]);
    await tag('node:20', name);
    expect(await container()).toMatchObject({ removed: false });
    await ask('untag', { reference: name });
    expect(await listed()).toMatchObject([{ digest: image.digest, tags: [] }]);
  });

  it('a tag is moved only where it names what was expected', async () => {
    const [first, second] = [await aFetched('1'), await aFetched('2')];
    const live = `${HERE}/team/app:live`;
    const moved = (expected: unknown) =>
      tag('node:2', live, { expected }).then(
        () => true,
        ({ code }) => code,
      );
    // While it is not there.
    expect(await moved('any')).toBe('PRECONDITION');
    expect(await moved([first.digest, second.digest])).toBe('PRECONDITION');
    expect(await moved({ not: [first.digest] })).toBe(true);
    // While it names the second one.
    expect(await moved({ not: [first.digest, second.digest] })).toBe('PRECONDITION');
    expect(await moved([first.digest])).toBe('PRECONDITION');
    expect(await moved([first.digest, second.digest])).toBe(true);
    expect(await moved({ not: [first.digest] })).toBe(true);
    expect(await moved('any')).toBe(true);
  });

  it('moves are recorded, with who asked, and expected ones only are made', async () => {
    const [first, second] = [await aFetched('1'), await aFetched('2')];
    await tag('node:1', `${HERE}/team/app:live`, { expected: 'none' });
    await expect(tag('node:2', `${HERE}/team/app:live`, { expected: 'none' })).rejects.toMatchObject({
      code: 'PRECONDITION',
      detail: { names: first.digest },
    });
    await expect(tag('node:2', `${HERE}/team/app:live`, { expected: second.digest })).rejects.toMatchObject({
      code: 'PRECONDITION',
    });
    expect(await names('live')).toBe(first.digest);
    const operation = await tag('node:2', `${HERE}/team/app:live`, { expected: first.digest });
    const moves = await metadata.database.read(
      `SELECT from_digest AS from, to_digest AS to, principal, operation_id AS operation FROM tag_move
        JOIN repository ON repository.id = repository_id AND repository.name = $1 ORDER BY tag_move.id`,
      [APP],
    );
    expect(moves).toEqual([
      { from: null, to: first.digest, principal: ANONYMOUS, operation: expect.any(String) },
      { from: first.digest, to: second.digest, principal: ANONYMOUS, operation: operation.id },
    ]);
  });

  it('a tag goes back to what it named before, or to any it ever named that is held', async () => {
    const images = [await aFetched('1'), await aFetched('2'), await aFetched('3')];
    for (const n of [1, 2, 3]) await tag(`node:${n}`, `${HERE}/team/app:live`);
    const reference = `${HERE}/team/app:live`;
    expect(await ask('rollback', { reference })).toMatchObject({
      outcome: { from: images[2]!.digest, to: images[1]!.digest },
    });
    await ask('rollback', { reference, to: images[0]!.digest });
    expect(await names('live')).toBe(images[0]!.digest);
    const never = anImage().digest;
    await expect(ask('rollback', { reference, to: never })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('a tag does not go back to what is held no more', async () => {
    await aFetched('1');
    const second = await aFetched('2');
    const reference = `${HERE}/team/app:live`;
    await tag('node:1', reference);
    await tag('node:2', reference);
    await untag(metadata, NODE, '1');
    await reviewAll(metadata);
    await expect(ask('rollback', { reference })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await names('live')).toBe(second.digest);
  });

  it.each([
    ['docker.io/library/mine:1', 'INVALID', 'target'],
    ['team/app:1', 'INVALID', 'target'],
    [`${HERE}/docker.io/library/node:1`, 'INVALID', 'target'],
    [`${HERE}/team/app@sha256:${'a'.repeat(64)}`, 'INVALID', 'target'],
    [`${HERE}/Team/app:1`, 'INVALID', 'target'],
  ])('%s is not ours to give', async (target, code, field) => {
    await aFetched();
    await expect(tag('node:20', target)).rejects.toMatchObject({ code, detail: { field } });
    expect(await metadata.database.read('SELECT FROM repository WHERE upstream IS NULL')).toEqual([]);
  });

  it('what is not here, or not whole, is refused, and nothing is left behind', async () => {
    await expect(tag('node:99', `${HERE}/team/app:1`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await fetchManifest(metadata, NODE, anImage(), { tag: 'coming' });
    await expect(tag('node:coming', `${HERE}/team/app:1`)).rejects.toMatchObject({
      code: 'CONFLICT',
      detail: { missing: 3 },
    });
    expect(await metadata.database.read('SELECT FROM repository WHERE upstream IS NULL')).toEqual([]);
    expect(await metadata.database.read('SELECT FROM operation')).toEqual([]);
  });

  it('asked twice under one id it is done once, though another moved the tag meanwhile', async () => {
    const [first, second] = [await aFetched('1'), await aFetched('2')];
    const asked = { principal: ANONYMOUS, requestId: 'once', kind: 'tag' as const };
    const body = { source: 'node:1', target: `${HERE}/team/app:live` };
    const { operation } = await metadata.operations.accept({ ...asked, body });
    await tag('node:2', `${HERE}/team/app:live`);
    const again = await metadata.operations.accept({ ...asked, body });
    expect(again).toMatchObject({ created: false, operation: { id: operation.id, outcome: { to: first.digest } } });
    expect(await names('live')).toBe(second.digest);
  });

  it('two who expect it to be new are not both told that it is', async () => {
    await aFetched('1');
    await aFetched('2');
    const both = ['node:1', 'node:2'].map((source) => tag(source, `${HERE}/team/app:live`, { expected: 'none' }));
    const ended = await Promise.allSettled(both);
    expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('a name of a private repository makes a private repository', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: '20', isPrivate: true });
    await tag('node:20', `${HERE}/team/app:1`);
    expect(await metadata.database.read('SELECT is_private FROM repository WHERE name = $1', [APP])).toEqual([
      { is_private: true },
    ]);
    expect(image.digest satisfies Digest).toBe(await names('1'));
  });
});
