import { OCI_LAYER_GZIP } from '#oci/media-type';
import type { Tag } from '#oci/tag';
import type { Sql } from './database/database';
import { FIND_BLOBS, FIND_MANIFESTS, RESOLVE_TAGS } from './hot/hot-questions';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  findBlob,
  type Metadata,
  openMetadata,
  purgeAll,
  pushBlob,
  repositoryName,
  reviewAll,
  someBytes,
  untag,
  wire,
} from './metadata.testing';

const NODE = repositoryName('docker.io/library/node');

interface Asked {
  readonly text: string;
  readonly params: readonly unknown[];
}

/** Every statement that these stores ask, once each. */
function recording(metadata: Metadata): { recorded: Metadata; asked: Map<string, Asked> } {
  const asked = new Map<string, Asked>();
  const note = (text: string, params: readonly unknown[] = []) => void asked.set(text, { text, params });
  const database: Metadata['database'] = Object.create(metadata.database);
  database.read = (text, params) => {
    note(text, params);
    return metadata.database.read(text, params);
  };
  database.transaction = (step, run) =>
    metadata.database.transaction(step, (sql) => {
      const query: Sql['query'] = (text, params) => {
        note(text, params);
        return sql.query(text, params);
      };
      return run({ query, facts: sql.facts });
    });
  return { recorded: { ...metadata, database, ...wire(database, metadata.hotClient, metadata.config) }, asked };
}

/** What a store of some size has: everything a thousand times and more, so that a scan is never the best plan. */
const FILL = `
  INSERT INTO repository (name, upstream) SELECT 'docker.io/filler/r' || n, 'docker.io' FROM generate_series(1, 2000) n;
  INSERT INTO manifest (digest, media_type, kind, bytes, subject)
    SELECT 'sha256:' || lpad(to_hex(n), 64, '0'), 'a/b', 'image', '{}',
      CASE WHEN n % 10 = 0 THEN 'sha256:' || lpad(to_hex(n - 1), 64, '0') END FROM generate_series(1, 20000) n;
  INSERT INTO repository_manifest (repository_id, digest, upstream, credential)
    SELECT 1 + n % 2000, 'sha256:' || lpad(to_hex(n), 64, '0'), 'docker.io', 'anonymous' FROM generate_series(1, 20000) n;
  INSERT INTO tag (repository_id, name, digest)
    SELECT repository_id, 't' || row_number() OVER (), digest FROM repository_manifest;
  INSERT INTO object (id, state, digest, size, purge_after)
    SELECT gen_random_uuid(), CASE WHEN n % 50 = 0 THEN 'condemned' WHEN n % 51 = 0 THEN 'purging' ELSE 'live' END,
      'sha256:' || 'b' || lpad(to_hex(n), 63, '0'), 1, now() + interval '1 hour' FROM generate_series(1, 60000) n;
  INSERT INTO extent (object_id, start, length) SELECT id, 0, 1 FROM object LIMIT 20000;
  INSERT INTO blob (digest, object_id, size) SELECT digest, id, 1 FROM object WHERE state = 'live';
  INSERT INTO manifest_blob (manifest, digest, position, role, media_type, size, held)
    SELECT 'sha256:' || lpad(to_hex(1 + n % 20000), 64, '0'), 'sha256:' || 'b' || lpad(to_hex(n), 63, '0'), n, 'layer', 'a/b', 1,
      CASE WHEN n % 50 <> 0 AND n % 51 <> 0 THEN 'sha256:' || 'b' || lpad(to_hex(n), 63, '0') END
    FROM generate_series(1, 60000) n;
  INSERT INTO manifest_child (parent, digest, position, media_type, size)
    SELECT 'sha256:' || lpad(to_hex(1 + n % 20000), 64, '0'), 'sha256:' || 'c' || lpad(to_hex(n), 63, '0'), 0, 'a/b', 1
    FROM generate_series(1, 30000) n;
  INSERT INTO repository_blob (repository_id, digest, upstream, credential)
    SELECT 1 + n % 2000, 'sha256:' || 'b' || lpad(to_hex(n), 63, '0'), 'docker.io', 'anonymous' FROM generate_series(1, 60000) n;
  INSERT INTO pin SELECT 1 + n % 2000, 'blob', 'sha256:' || 'b' || lpad(to_hex(n), 63, '0'), now() + interval '1 day'
    FROM generate_series(1, 30000) n;
  INSERT INTO review (kind, digest, due_at)
    SELECT 'blob', 'sha256:' || 'b' || lpad(to_hex(n), 63, '0'), now() + n * interval '1 minute' FROM generate_series(1, 30000) n;
  INSERT INTO object (id, state) SELECT gen_random_uuid(), 'uploading' FROM generate_series(1, 10000);
  INSERT INTO upload_session (id, object_id, repository_id, expires_at)
    SELECT id, id, 1, now() + interval '1 day' FROM object WHERE state = 'uploading';
  INSERT INTO fill (id, upstream, credential, repository_id, digest, size, state, session_id)
    SELECT id, 'docker.io', 'anonymous', 1, 'sha256:' || 'd' || lpad(to_hex(row_number() OVER ()), 63, '0'), 1, 'wanted', id
    FROM upload_session;
  UPDATE fill SET due_at = now() + interval '1 hour';
  INSERT INTO fill (id, upstream, credential, repository_id, digest, size, state, ended_at)
    SELECT gen_random_uuid(), 'docker.io', 'anonymous', 1, 'sha256:' || 'e' || lpad(to_hex(n), 63, '0'), 1, 'done', now()
    FROM generate_series(1, 20000) n;
  INSERT INTO composing (source_id, due_at) SELECT id, now() + interval '1 hour' FROM object WHERE state = 'live' LIMIT 20000;
  INSERT INTO lease (object_id, holder, until)
    SELECT id, id, now() + interval '1 minute' FROM object WHERE state = 'live' LIMIT 5000;
  INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state)
    SELECT gen_random_uuid(), 'p', n::text, '', 'pull', '{}', 'accepted' FROM generate_series(1, 10000) n;
  INSERT INTO operation_manifest SELECT id, 1 + (row_number() OVER ()) % 2000, 'sha256:' || lpad('1', 64, '0') FROM operation`;

/** Tables that grow with the store. */
const LARGE =
  /Seq Scan on (repository|manifest|repository_manifest|tag|object|extent|blob|manifest_blob|manifest_child|upload_session|fill|repository_blob|pin|review|operation|operation_manifest|composing)\b/;

const EXPIRE_COMPOSING = `UPDATE composing SET claimed_until = now() - interval '1 s' WHERE target_id = $1`;

/** A blob whose bytes lie under two keys. */
async function pushPieces(metadata: Metadata): Promise<void> {
  const { digest } = someBytes(OCI_LAYER_GZIP);
  const session = await metadata.sessions.open(repositoryName('team/app'), {});
  const { epoch } = await metadata.sessions.take(session);
  for (const offset of [0, 1]) await metadata.sessions.commitExtent(session, epoch, { offset, length: 1, key: 'k' });
  await metadata.finishes.finish({ session, epoch, digest, size: 2 });
}

describe('a question costs what it asks for, not what the store holds', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({
      ENTREPOT_REVIEW_DELAY_MS: 0,
      ENTREPOT_GRACE_MS: 0,
      ENTREPOT_PIN_MS: 1,
      ENTREPOT_PIN_WRITE_MS: 0,
    });
    await metadata.database.read(FILL);
    await metadata.database.read('ANALYZE');
  });
  afterAll(() => metadata?.stop());

  const plan = async ({ text, params }: Asked) =>
    metadata.database
      .transaction('spec.explain', async (sql) => {
        const rows = await sql.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, params);
        throw new Planned(rows.map((row) => row['QUERY PLAN']).join('\n'));
      })
      .catch((planned: unknown) => {
        if (planned instanceof Planned) return planned.text;
        throw planned;
      });

  it('the hot questions', async () => {
    const [tags, digests] = [
      ['t1', 't2'],
      [`sha256:${'b'.repeat(64)}`, `sha256:${'b'.repeat(63)}1`],
    ];
    const names = ['docker.io/filler/r1', 'docker.io/filler/r2'];
    const plans = [
      await plan({ text: RESOLVE_TAGS, params: [names, tags, 1] }),
      await plan({ text: FIND_BLOBS, params: [names, digests, 1] }),
      await plan({ text: FIND_MANIFESTS, params: [names, digests, 1] }),
    ];
    for (const each of plans) expect(each).not.toMatch(/Seq Scan/);
  });

  it('every statement of a pull, a push, a read, a review and a purge', async () => {
    const { recorded, asked } = recording(metadata);
    const [child, other] = [anImage(), anImage()];
    const index = anIndex([child]);
    await fetchManifest(recorded, NODE, index, { tag: 'multi' });
    await fetchWhole(recorded, NODE, child);
    await fetchWhole(recorded, NODE, other, { tag: 'one' });
    await recorded.tags.confirm(NODE, 'one' as Tag, other.digest, 0);
    await recorded.tags.list(NODE, '', 100);
    await recorded.manifests.read(NODE, index.digest);
    const object = await pushBlob(recorded, 'team/app', child.blobs[1]!);
    await recorded.objects.read(object);
    await recorded.objects.lease(object, object, 1000);
    await recorded.objects.release(object, object);
    await recorded.objectList.list(object, 100);
    await recorded.objectList.holders([child.blobs[1]!.digest]);
    const dropped = await recorded.sessions.open(repositoryName('team/app'), {});
    await recorded.sessions.read(dropped);
    await recorded.sessions.abort(dropped);
    await findBlob(recorded, NODE, child.blobs[1]!.digest);
    await recorded.wants.want(NODE, child.blobs[1]!.digest, true);
    await fetchManifest(recorded, NODE, anImage());
    const [fill] = await recorded.fills.claim('spec', 4);
    await recorded.fills.renew([fill!]);
    await recorded.fills.fail(fill!.id, fill!.epoch, {
      error: { code: 'UPSTREAM', message: '' },
      temporary: true,
      discard: true,
      giveBack: false,
    });
    await recorded.fills.nextInMs();
    for (const answer of ['swap', 'fail', 'nothing'] as const) {
      await pushPieces(recorded);
      const [composing] = (await recorded.composings.claim('spec', 1)).composings;
      const { target, size } = composing!;
      await recorded.composings.renew([target]);
      if (answer === 'swap') await recorded.composings.swap(target, { offset: 0, length: size, key: 'whole' });
      if (answer === 'fail') await recorded.composings.fail(target, '');
      if (answer === 'nothing') await metadata.database.read(EXPIRE_COMPOSING, [target]);
    }
    await recorded.composings.claim('spec', 1);
    await untag(recorded, NODE, 'one');
    await untag(recorded, NODE, 'multi');
    await reviewAll(recorded);
    await purgeAll(recorded);
    expect(asked.size).toBeGreaterThan(80);
    const scans: string[] = [];
    for (const each of asked.values()) {
      const found = await plan(each);
      if (LARGE.test(found)) scans.push(`${each.text}\n${found}`);
    }
    expect(scans).toEqual([]);
  });

  it('a claim of fills, however many others their upstream has to wait', async () => {
    await metadata.database.read(`
      INSERT INTO fill (id, upstream, credential, repository_id, digest, size, state, due_at)
        SELECT gen_random_uuid(), 'ghcr.io', 'anonymous', 1 + n % 500, 'sha256:' || 'f' || lpad(to_hex(n), 63, '0'), 1, 'wanted',
          now() - n * interval '1 millisecond' FROM generate_series(1, 6000) n`);
    await metadata.database.read('ANALYZE fill');
    const { recorded, asked } = recording(metadata);
    await recorded.fills.claim('spec', 16, { perRepository: { most: 4, held: [] } });
    const claim = [...asked.values()].find(({ text }) => text.includes('PARTITION BY upstream'))!;
    expect(await plan(claim)).toMatch(/Index Scan (using|on) fill_turn/);
  });
});

class Planned {
  constructor(readonly text: string) {}
}
