import { randomUUID } from 'node:crypto';
import type { OperationKind } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import type { Sql } from '../database/database';
import { anImage, fetchWhole, type Metadata, openMetadata, repositoryName, wire } from '../metadata.testing';
import type { ContainerPage } from './container.store';

const NODE = repositoryName('docker.io/library/node');

/** Twenty thousand containers of as many images, most of them running, some hundred reporters. */
const FILL = `
  INSERT INTO repository (name, upstream) SELECT 'docker.io/filler/r' || n, 'docker.io' FROM generate_series(1, 2000) n;
  INSERT INTO manifest (digest, media_type, kind, bytes)
    SELECT 'sha256:' || md5(n::text) || md5('x' || n), 'a/b', 'image', '{}' FROM generate_series(1, 20000) n;
  INSERT INTO repository_manifest (repository_id, digest, upstream, credential)
    SELECT 1 + abs(hashtext(digest)) % 2000, digest, 'docker.io', 'anonymous' FROM manifest;
  INSERT INTO tag (repository_id, name, digest)
    SELECT repository_id, 't' || row_number() OVER (), digest FROM repository_manifest;
  INSERT INTO image_config (manifest, read_at) SELECT digest, now() FROM manifest ON CONFLICT DO NOTHING;
  INSERT INTO manifest_blob (manifest, digest, position, role, media_type, size)
    SELECT m.digest, 'sha256:' || md5(m.digest || n) || md5(n || m.digest), n, CASE n WHEN 0 THEN 'config' ELSE 'layer' END, 'a/b', 1
    FROM manifest m, generate_series(0, 2) n;
  INSERT INTO repository_blob (repository_id, digest, upstream, credential)
    SELECT repository_id, b.digest, 'docker.io', 'anonymous' FROM repository_manifest rm JOIN manifest_blob b ON b.manifest = rm.digest;
  INSERT INTO object (id, state, digest, size) SELECT gen_random_uuid(), 'live', digest, 1 FROM manifest_blob;
  INSERT INTO blob (digest, object_id, size) SELECT digest, id, 1 FROM object;
  INSERT INTO pull_count (repository_id, digest, pulls, pulled_at)
    SELECT repository_id, digest, 1, now() FROM repository_manifest;
  INSERT INTO reporter (name, principal, holder, lease_ms, leased_until)
    SELECT 'r' || n, 'p', 'h', 300000, now() + interval '5 minutes' FROM generate_series(1, 300) n;
  INSERT INTO container (id, name, repository_id, digest, tag, manifest, state, principal, reporter, reported_id, created_at)
    SELECT md5(name) || md5('x' || name), CASE WHEN n % 2 = 0 THEN 'r' || n % 300 + 1 || '/' ELSE '' END || name, repository_id, digest,
      name, digest, CASE WHEN n % 50 = 0 THEN 'exited' ELSE 'running' END, 'p',
      CASE WHEN n % 2 = 0 THEN 'r' || n % 300 + 1 END, CASE WHEN n % 2 = 0 THEN name END, now() - n * interval '1 minute'
    FROM (SELECT *, row_number() OVER () AS n FROM tag) AS tag;
  INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state, ended_at)
    SELECT gen_random_uuid(), 'p', n::text, '', 'pull', '{}', 'completed', now() FROM generate_series(1, 10000) n`;

/** Tables that grow with the store and with its history. */
const LARGE =
  /Seq Scan on (repository|manifest|repository_manifest|tag|object|blob|manifest_blob|repository_blob|image_config|pull_count|review|container|operation)\b/;

class Planned {
  constructor(readonly text: string) {}
}

describe('containers cost what is asked for, not what there is', () => {
  let metadata: Metadata;
  const asked = new Map<string, readonly unknown[]>();

  beforeAll(async () => {
    metadata = await openMetadata();
    await metadata.presence.beat();
    await metadata.database.read(FILL);
    await metadata.database.read('VACUUM ANALYZE');
  });
  afterAll(() => metadata?.stop());

  /** The stores, with every statement noted. */
  function recording() {
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
    return wire(database, metadata.hotClient, metadata.config);
  }
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
  const noScans = async () => {
    const scans: string[] = [];
    for (const [text, params] of asked) {
      const found = await plan(text, params);
      if (LARGE.test(found)) scans.push(`${text}\n${found}`);
    }
    expect(scans).toEqual([]);
  };
  beforeEach(() => asked.clear());

  it('in every statement of what is done to them', async () => {
    const { operations, ended, reviews } = recording();
    const ask = (kind: OperationKind, body: object) =>
      operations.accept({ principal: ANONYMOUS, requestId: randomUUID(), kind, body: { ...body } });
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: '20' });
    await ask('container-create', { image: 'node:20', name: 'web' });
    await ask('container-create', { image: image.digest });
    await ask('container-change', { container: 'web', action: 'start' });
    await ask('container-rename', { container: 'web', name: 'front' });
    await ask('container-remove', { container: 'front', force: true });
    await ask('container-prune', { until: '2020-01-01T00:00:00Z', labels: ['a=b', '!c'] });
    const said = { id: 'c', name: 'web', image: 'node:20', digest: image.digest, state: 'running' };
    const report = (containers: object[]) => ask('container-report', { reporter: 'mine', holder: 'h', containers });
    await report([said, { ...said, id: 'd', name: 'db' }]);
    await report([{ ...said, state: 'paused' }]);
    await report([]);
    await metadata.database.read(
      `UPDATE reporter SET reported_at = now() - interval '1 day', leased_until = now() - interval '1 day' WHERE name = 'r7'`,
    );
    await ended.forget(10);
    await reviews.reviewDue(1);
    expect(asked.size).toBeGreaterThan(40);
    await noScans();
  });

  it.each([
    ['nothing', {}, 'container_list'],
    ['a state', { state: 'exited' as const }, 'container_state'],
    ['a part of the name', { name: 't1' }, 'container_list'],
    ['labels', { labels: ['a=b', '!c'] }, 'container_list'],
    ['a reporter', { reporter: 'r7' }, 'container_(list|reported)'],
    ['an image', { image: 'filler/r7:t1' }, undefined],
  ])('in a page by %s, and the page after it', async (_what, filter, index) => {
    const { containers } = recording();
    const page = await containers.list({ labels: [], limit: 10, ...filter });
    if (page.next) await containers.list({ labels: [], limit: 10, after: page.next, ...filter });
    await noScans();
    const found = await plan(...[...asked].at(-1)!);
    if (index) expect(found).toMatch(new RegExp(index));
  });

  it.each<Partial<ContainerPage>>([
    { labels: ['rare=yes'] },
    { name: 'nothing' },
    { name: 'nothing', state: 'running' },
  ])('in a page of what none has, %j: two thousand are looked at, and the page after it goes on', async (filter) => {
    const { containers } = recording();
    let pages = 0;
    for (let after: string | undefined, more = true; more; pages += 1) {
      const page = await containers.list({ labels: [], limit: 10, ...filter, after });
      expect(page.containers).toEqual([]);
      after = page.next ?? undefined;
      more = page.next !== null;
    }
    expect(pages).toBeGreaterThanOrEqual(10);
    expect(pages).toBeLessThanOrEqual(11);
    await noScans();
  });

  it('in reading one by its name, its id and the beginning of it', async () => {
    const { containers } = recording();
    const { id, name } = (await containers.list({ labels: [], limit: 1 })).containers[0]!;
    for (const text of [id, name, id.slice(0, 12)]) expect((await containers.read(text)).container.id).toBe(id);
    await noScans();
  });
});
