import { createHash, randomUUID } from 'node:crypto';
import type { RemoveOutcome } from '#contracts/bodies/remove';
import type { OperationKind } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import type { Sql } from '../database/database';
import { ImageStore } from '../image/image.store';
import { RemoveImageHandler } from '../image/remove-image.handler';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type Metadata,
  openMetadata,
  repositoryName,
  runFills,
  wire,
} from '../metadata.testing';
import { OutboxRowsStore } from '../outbox/outbox-rows.store';
import { EndedStore } from '../review/ended.store';
import { readReasons } from '../review/keep-reasons';
import { TrashStore } from '../trash/trash.store';
import { OperationWorkStore } from './operation-work.store';
import { PullWorkStore } from './pull-work.store';

const ALPINE = 'docker.io/library/alpine';

/** A history of some years, most of it ended, and as many images. */
const FILL = `
  INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state, accepted_at, ended_at, error)
    SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN 'anonymous' ELSE 'p' || n % 50 END, n::text, '', 'pull', '{}',
      CASE WHEN n % 7 = 0 THEN 'failed' ELSE 'completed' END, now() - n * interval '1 minute', now(), '{}'
    FROM generate_series(1, 60000) n;
  INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state, accepted_at, ended_at, outcome)
    SELECT gen_random_uuid(), 'anonymous', 'report-' || n, '', 'container-report', '{}', 'completed',
      now() - n * interval '1 second', now(), '{}'
    FROM generate_series(1, 20000) n;
  INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state, due_at)
    SELECT gen_random_uuid(), 'waiting', n::text, '', 'pull', '{}', 'accepted', now() + n * interval '1 hour'
    FROM generate_series(1, 5000) n;
  INSERT INTO repository (name, upstream) SELECT 'docker.io/filler/r' || n, 'docker.io' FROM generate_series(1, 2000) n;
  INSERT INTO manifest (digest, media_type, kind, bytes)
    SELECT 'sha256:' || md5(n::text) || md5('x' || n), 'a/b', 'image', '{}' FROM generate_series(1, 20000) n;
  INSERT INTO repository_manifest (repository_id, digest, upstream, credential)
    SELECT 1 + abs(hashtext(digest)) % 2000, digest, 'docker.io', 'anonymous' FROM manifest;
  INSERT INTO tag (repository_id, name, digest)
    SELECT repository_id, 't' || row_number() OVER (), digest FROM repository_manifest;
  INSERT INTO manifest_blob (manifest, digest, position, role, media_type, size)
    SELECT m.digest, 'sha256:' || md5(m.digest || n) || md5(n || m.digest), n, CASE n WHEN 0 THEN 'config' ELSE 'layer' END, 'a/b', 1
    FROM manifest m, generate_series(0, 2) n;
  INSERT INTO repository_blob (repository_id, digest, upstream, credential)
    SELECT repository_id, b.digest, 'docker.io', 'anonymous' FROM repository_manifest rm JOIN manifest_blob b ON b.manifest = rm.digest;
  INSERT INTO operation_manifest (operation_id, repository_id, digest, ended)
    SELECT o.id, 1 + (row_number() OVER ()) % 2000, 'sha256:' || md5('1') || md5('x1'), ended_at IS NOT NULL FROM operation o;
  INSERT INTO operation_manifest (operation_id, repository_id, digest, ended)
    SELECT o.id, 1, 'sha256:' || md5('2') || md5('x2'), true FROM operation o WHERE ended_at IS NOT NULL LIMIT 10000;
  INSERT INTO fill (id, upstream, credential, repository_id, digest, size, state, ended_at)
    SELECT gen_random_uuid(), 'docker.io', 'anonymous', 1, digest, 1, 'done', now() FROM manifest_blob;
  INSERT INTO object (id, state, digest, size) SELECT gen_random_uuid(), 'live', digest, 1 FROM manifest_blob;
  INSERT INTO blob (digest, object_id, size) SELECT digest, id, 1 FROM object;
  INSERT INTO object (id, state) SELECT gen_random_uuid(), 'uploading' FROM generate_series(1, 10000) n;
  INSERT INTO extent (object_id, start, length) SELECT id, 0, 1 FROM object;
  INSERT INTO upload_session (id, object_id, repository_id, expires_at)
    SELECT id, id, 1, now() + interval '1 day' FROM object WHERE state = 'uploading';
  INSERT INTO manifest_child (parent, digest, position, media_type, size, held)
    SELECT 'sha256:' || md5(n::text) || md5('x' || n), 'sha256:' || md5((n + 1)::text) || md5('x' || n + 1), 0, 'a/b', 1,
      'sha256:' || md5((n + 1)::text) || md5('x' || n + 1)
    FROM generate_series(1, 19000, 2) n;
  INSERT INTO container (id, name, repository_id, digest, state, principal)
    SELECT tag.name, tag.name, repository_id, digest, 'running', 'p' FROM tag LIMIT 5000;
  INSERT INTO trash (id, repository_id, digest, until)
    SELECT gen_random_uuid(), repository_id, digest, now() + interval '1 hour' FROM tag LIMIT 5000;
  INSERT INTO lease (object_id, holder, until)
    SELECT id, id, now() + interval '1 minute' FROM object WHERE state = 'live' LIMIT 20000;
  INSERT INTO outbox (partition, subject, message, message_id)
    SELECT n % 8, 's', '{}', n::text FROM generate_series(1, 40000) n`;

const md5 = (text: string) => createHash('md5').update(text).digest('hex');
/** What every operation of that history was about. */
const PULLED_OFTEN = `sha256:${md5('2')}${md5('x2')}`;

/** Tables that grow with the store and with its history. */
const LARGE =
  /Seq Scan on (repository|manifest|repository_manifest|tag|object|extent|blob|manifest_blob|manifest_child|upload_session|fill|repository_blob|review|container|trash|lease|operation|operation_manifest|outbox)\b/;

class Planned {
  constructor(readonly text: string) {}
}

describe('operations and images cost what is asked for, not what there is', () => {
  let metadata: Metadata;
  const asked = new Map<string, readonly unknown[]>();

  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_BACKOFF_MS: 1 });
    await metadata.database.read(FILL);
    await metadata.database.read('VACUUM ANALYZE');
  });
  afterAll(() => metadata?.stop());

  /** The database, with every statement noted. */
  const recording = (): Metadata['database'] => {
    const database: Metadata['database'] = Object.create(metadata.database);
    database.read = (text, params = []) => {
      asked.set(text, params);
      return metadata.database.read(text, params);
    };
    database.transaction = (step, run) =>
      metadata.database.transaction(step, (sql) => {
        const query: Sql['query'] = (text, params = []) => {
          asked.set(text, params);
          return sql.query(text, params);
        };
        return run({ query, facts: sql.facts });
      });
    return database;
  };
  const plan = (text: string, params: readonly unknown[]) =>
    metadata.database
      .transaction('spec.explain', async (sql) => {
        const rows = await sql.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, params);
        throw new Planned(rows.map((row) => row['QUERY PLAN']).join('\n'));
      })
      .catch((planned: unknown) => {
        if (planned instanceof Planned) return planned.text;
        throw planned;
      });

  it('in every statement', async () => {
    const database = recording();
    const { config, tags } = metadata;
    const { operations } = wire(database, metadata.hotClient, config);
    const work = new OperationWorkStore(database, config);
    const pulls = new PullWorkStore(database, tags, metadata.creates, config);
    const images = new ImageStore(database);
    const removes = new RemoveImageHandler(database, config);
    const rows = new OutboxRowsStore(database);
    const accept = (kind: 'pull' | 'remove', reference: string) =>
      operations.accept({ principal: ANONYMOUS, requestId: randomUUID(), kind, body: { reference } });
    const error = { code: 'UPSTREAM', message: '' };

    const { operation } = await accept('pull', 'alpine:3');
    const claim = async () => (await work.claim('one', ['pull'], 1)).operations[0]!;
    await work.fail(await claim(), { error, temporary: true, giveBack: true });
    const claimed = await claim();
    const image = anImage();
    await fetchManifest(metadata, ALPINE, image, { operation: claimed });
    await runFills(metadata);
    await work.renew([claimed]);
    await work.resolve(claimed, { repository: ALPINE, tag: '3', digest: image.digest });
    await pulls.readBlobs(claimed);
    const repository = repositoryName(ALPINE);
    await pulls.complete({ ...claimed, repository, tag: null, digest: image.digest, outcome: {} });
    await fetchManifest(metadata, ALPINE, anIndex([image]), { tag: '3' });
    await operations.read(ANONYMOUS, operation.id);
    await operations.refuse({ principal: ANONYMOUS, requestId: 'r', kind: 'pull', body: {} }, error);
    await operations.cancel(ANONYMOUS, (await accept('pull', 'alpine:4')).operation.id);
    const ask = async (kind: OperationKind, body: object) =>
      (await operations.accept({ principal: ANONYMOUS, requestId: randomUUID(), kind, body: { ...body } })).operation;
    await ask('remove', { references: ['alpine:3'] });
    await removes.remove((await work.claim('gc', ['remove'], 1)).operations[0]!);
    await fetchWhole(metadata, ALPINE, anImage(), { tag: '5' });
    await ask('tag', { source: 'alpine:5', target: 'localhost:5050/team/app:5' });
    await ask('tag', { source: 'alpine:5', target: 'localhost:5050/team/app:6' });
    const five = await ask('remove', { reference: 'localhost:5050/team/app:5', withContainers: true });
    await ask('restore', { id: (five.outcome as RemoveOutcome).trash![0]! });
    await ask('remove', { reference: 'localhost:5050/team/app:5', now: true });
    const refused = await ask('remove', { reference: 'localhost:5050/team/app:6', now: true }).catch((error) => error);
    await ask('remove', { reference: 'localhost:5050/team/app:6', now: true, confirm: refused.detail.confirm });
    const layer = image.blobs[1]!.digest;
    await ask('remove', { reference: layer, now: true }).catch(() => undefined);
    for (const repository of [undefined, repositoryName('docker.io/filler/r1')]) {
      const { next } = await new TrashStore(database).list({ repository, limit: 1 });
      if (next) await new TrashStore(database).list({ repository, after: next, limit: 100 });
    }
    await fetchManifest(metadata, ALPINE, image, { tag: '3' });
    await accept('remove', image.digest);
    await accept('remove', image.blobs[0]!.digest.slice(7, 30)).catch(() => undefined);
    await work.claim('gc', ['remove'], 0);
    await rows.read(3, 100);
    await rows.remove(['1', '2']);
    await new EndedStore(database, config).forget(1000);
    const scans: string[] = [];
    for (const [text, params] of asked) {
      const found = await plan(text, params);
      if (LARGE.test(found)) scans.push(`${text}\n${found}`);
      if (/FROM trash WHERE keeps/.test(text)) expect(found).not.toMatch(/\bSort\b/);
    }
    expect(asked.size).toBeGreaterThan(30);
    expect(scans).toEqual([]);

    asked.clear();
    const first = await operations.list({ principal: ANONYMOUS, limit: 100 });
    await operations.list({ principal: ANONYMOUS, limit: 100, after: first.next! });
    const listed = [...asked];
    asked.clear();
    await operations.list({ principal: ANONYMOUS, state: 'failed', limit: 100, after: first.next! });
    await operations.list({ principal: ANONYMOUS, kind: 'prune', limit: 100 });
    const page = await images.list({ limit: 100 });
    await images.list({ limit: 100, after: page.next! });
    for (const [text, params] of [...listed, ...asked]) {
      const found = await plan(text, params);
      expect(found).not.toMatch(LARGE);
      if (/FROM operation\b/.test(text)) expect(found).not.toMatch(/\bSort\b/);
    }
  });

  it('nor does a list read the reports that it leaves out', async () => {
    asked.clear();
    const { operations } = wire(recording(), metadata.hotClient, metadata.config);
    const { operations: listed } = await operations.list({ principal: ANONYMOUS, limit: 100 });
    expect(listed.some(({ kind }) => kind === 'container-report')).toBe(false);
    const [[text, params]] = [...asked] as [[string, readonly unknown[]]];
    const found = await plan(`(ANALYZE, BUFFERS, COSTS OFF) ${text}`, params);
    expect(found).toContain('operation_list_asked');
    expect(Number(/Buffers: shared hit=(\d+)/.exec(found)?.[1])).toBeLessThan(200);
  });

  it('nor does a review read all operations that ever touched an image', async () => {
    asked.clear();
    await recording().transaction('spec.review', (sql) => readReasons(sql, 1, [PULLED_OFTEN], 1));
    const [[text, params]] = [...asked] as [[string, readonly unknown[]]];
    const found = await plan(`(ANALYZE, BUFFERS, COSTS OFF) ${text}`, params);
    const pages = Number(/Buffers: shared hit=(\d+)/.exec(found)?.[1]);
    expect(pages).toBeLessThan(100);
  });
});
