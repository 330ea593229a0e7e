// The rows of a large warehouse, made in bulk: a million blobs, half a million tags.
const IMAGES = 120_000;
const INDEXES = 20_000;
const REPOSITORIES = 3_000;
const CONTAINERS = 20_000;
const OPERATIONS = 100_000;
/** Some repositories have very many tags; each image there has five. */
const CROWDED = 4;
const CROWDED_IMAGES = 40_000;

/** Digests look like digests: what is sorted by them lies anywhere. */
const DIGESTS = `
  CREATE FUNCTION pg_temp.digest(kind text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT 'sha256:' || encode(sha256((kind || n)::bytea), 'hex') $$;
  CREATE FUNCTION pg_temp.home(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
    $$ SELECT CASE WHEN n <= ${CROWDED_IMAGES} THEN 1 + n % ${CROWDED} ELSE ${CROWDED + 1} + n % ${REPOSITORIES - CROWDED} END $$`;

/** What the config of image `n` says, as SQL. */
export const CONFIG = (
  n,
) => `jsonb_build_object('os', 'linux', 'architecture', 'amd64', 'created', '2026-01-01T00:00:00Z',
  'config', jsonb_build_object('Env', jsonb_build_array('PATH=/usr/bin', 'N=' || ${n}), 'Cmd', jsonb_build_array('/bin/run'),
    'Labels', jsonb_build_object('team', 't' || ${n} % 50)),
  'rootfs', jsonb_build_object('type', 'layers', 'diff_ids', '[]'::jsonb),
  'history', (SELECT jsonb_agg(jsonb_build_object('created', '2026-01-01T00:00:00Z', 'created_by', 'RUN step ' || step)) FROM generate_series(1, 8) step))::text`;

/**
 * Images 1 to 120,000 stand alone, 120,001 to 140,000 are indexes of two images each. Every image has a config, three
 * layers of one of a hundred bases (a quarter of all are of the first), and some of its own.
 */
const TABLES = {
  repository: `INSERT INTO repository (name, upstream, created_at)
    SELECT CASE WHEN n % 3 = 0 THEN 'team' || n % 50 || '/app' || n ELSE 'docker.io/org' || n % 200 || '/app' || n END,
      CASE WHEN n % 3 <> 0 THEN 'docker.io' END, now() - n * interval '1 hour' FROM generate_series(1, ${REPOSITORIES}) n`,
  bulk_image: `CREATE TEMP TABLE bulk_image AS
    SELECT n, pg_temp.digest('image', n) AS digest, pg_temp.home(n) AS home, n % 100 * (n % 4 <> 0)::int AS base, NULL::text AS parent,
      'image' AS kind FROM generate_series(1, ${IMAGES}) n
    UNION ALL SELECT n, pg_temp.digest('image', n), pg_temp.home(n), 0, NULL, 'index'
      FROM generate_series(${IMAGES + 1}, ${IMAGES + INDEXES}) n
    UNION ALL SELECT n + k * ${INDEXES}, pg_temp.digest('image', n + k * ${INDEXES}), pg_temp.home(n), n % 100, pg_temp.digest('image', n), 'child'
      FROM generate_series(${IMAGES + 1}, ${IMAGES + INDEXES}) n, generate_series(1, 2) k`,
  manifest: `INSERT INTO manifest (digest, media_type, kind, bytes, platform)
    SELECT digest, CASE kind WHEN 'index' THEN 'application/vnd.oci.image.index.v1+json' ELSE 'application/vnd.oci.image.manifest.v1+json' END,
      CASE kind WHEN 'index' THEN 'index' ELSE 'image' END, '{}',
      CASE kind WHEN 'index' THEN NULL ELSE jsonb_build_object('os', 'linux', 'architecture', CASE WHEN n % 7 = 0 THEN 'arm64' ELSE 'amd64' END) END
    FROM bulk_image ORDER BY digest`,
  repository_manifest: `INSERT INTO repository_manifest (repository_id, digest, upstream, credential, committed_at)
    SELECT home, digest, CASE WHEN home % 3 <> 0 THEN 'docker.io' END, CASE WHEN home % 3 <> 0 THEN 'anonymous' END,
      now() - interval '400 days' + n * interval '3 minutes' FROM bulk_image
    UNION ALL SELECT ${CROWDED + 1} + (n + 7) % ${REPOSITORIES - CROWDED}, digest, NULL, NULL, now() - n * interval '1 minute'
      FROM bulk_image WHERE kind = 'image' AND n % 12 = 5 ORDER BY 1, 2`,
  tag: `INSERT INTO tag (repository_id, name, digest, moved_at)
    SELECT home, 'v' || n / 1000 || '.' || n % 1000 || '.' || k, digest, now() - n * interval '1 minute'
    FROM bulk_image, generate_series(1, CASE WHEN n <= ${CROWDED_IMAGES} THEN 5 WHEN n % 3 = 0 THEN 4 ELSE 3 END) k
    WHERE kind <> 'child' AND n % 10 <> 9 OR n <= ${CROWDED_IMAGES} ORDER BY 1, 2`,
  tag_move: `INSERT INTO tag_move (repository_id, name, to_digest, principal, moved_at)
    SELECT repository_id, name, digest, 'anonymous', moved_at FROM tag`,
  manifest_child: `INSERT INTO manifest_child (parent, digest, position, media_type, size, platform, held)
    SELECT parent, digest, n % 2, 'application/vnd.oci.image.manifest.v1+json', 2,
      jsonb_build_object('os', 'linux', 'architecture', CASE WHEN n % 7 = 0 THEN 'arm64' ELSE 'amd64' END), digest
    FROM bulk_image WHERE kind = 'child' ORDER BY parent, digest`,
  bulk_blob: `CREATE TEMP TABLE bulk_blob AS
    SELECT digest AS manifest, 'sha256:' || encode(sha256(config::bytea), 'hex') AS digest, 0 AS position, 'config' AS role,
      octet_length(config) AS size FROM (SELECT digest, ${CONFIG('n')} AS config FROM bulk_image WHERE kind <> 'index') AS each
    UNION ALL SELECT digest, pg_temp.digest('base', base * 3 + k), k, 'layer', (30 + base * 3 + k) * 1000000
      FROM bulk_image, generate_series(1, 3) k WHERE kind <> 'index'
    UNION ALL SELECT digest, pg_temp.digest('own', n * 10 + k), 3 + k, 'layer', 1000 + n * 37 % 20000000
      FROM bulk_image, generate_series(1, CASE WHEN n % 4 = 0 THEN 6 ELSE 5 END) k WHERE kind <> 'index'`,
  object: `INSERT INTO object (id, state, digest, size, verified_at)
    SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(row_number() OVER (ORDER BY digest)), 12, '0'))::uuid, 'live', digest, size, now()
    FROM (SELECT DISTINCT ON (digest) digest, size FROM bulk_blob ORDER BY digest) AS each`,
  blob: `INSERT INTO blob (digest, object_id, size) SELECT digest, id, size FROM object WHERE state = 'live' ORDER BY digest`,
  manifest_blob: `INSERT INTO manifest_blob (manifest, digest, position, role, media_type, size, held)
    SELECT manifest, digest, position, role, CASE role WHEN 'config' THEN 'application/vnd.oci.image.config.v1+json'
      ELSE 'application/vnd.oci.image.layer.v1.tar+gzip' END, size, digest FROM bulk_blob ORDER BY manifest, digest`,
  repository_blob: `INSERT INTO repository_blob (repository_id, digest, upstream, credential)
    SELECT DISTINCT repository_id, b.digest, CASE WHEN repository_id % 3 <> 0 THEN 'docker.io' END,
      CASE WHEN repository_id % 3 <> 0 THEN 'anonymous' END
    FROM repository_manifest rm JOIN bulk_blob b ON b.manifest = rm.digest ORDER BY 1, 2`,
  image_config: `INSERT INTO image_config (manifest, read_at, labels, created_at)
    SELECT digest, now(), jsonb_build_object('team', 't' || n % 50, 'org.opencontainers.image.version', n::text)
      || CASE WHEN n % 20000 = 7 THEN '{"rare": "yes"}'::jsonb ELSE '{}' END, now() - n * interval '1 minute'
    FROM bulk_image WHERE kind <> 'index' ORDER BY digest`,
  pull_count: `INSERT INTO pull_count (repository_id, digest, pulls, pulled_at)
    SELECT home, digest, 1 + n % 1000, now() - n % 100 * interval '1 day' FROM bulk_image WHERE n % 10 < 6 AND kind <> 'child' ORDER BY 1, 2`,
  container: `INSERT INTO container (id, name, repository_id, digest, tag, manifest, state, principal, labels, created_at)
    SELECT encode(sha256(('container' || n)::bytea), 'hex'), 'web' || n, home, digest, tag, digest,
      CASE WHEN n % 50 = 0 THEN 'exited' ELSE 'running' END, 'anonymous', jsonb_build_object('stage', CASE WHEN n % 9 = 0 THEN 'test' ELSE 'live' END),
      now() - n * interval '1 minute'
    FROM (SELECT row_number() OVER (ORDER BY n) AS n, home, digest, tag FROM (
      SELECT n, home, digest, 'v' || n / 1000 || '.' || n % 1000 || '.1' AS tag FROM bulk_image WHERE kind = 'image' AND n % 10 < 8 ORDER BY n % 97, n LIMIT ${CONTAINERS / 2}) AS chosen, generate_series(1, 2)) AS image`,
  review: `INSERT INTO review (kind, repository_id, digest, due_at)
    SELECT 'manifest', home, digest, now() + interval '10 days' + n * interval '1 minute' FROM bulk_image WHERE kind <> 'child' AND n % 10 = 9 ORDER BY digest`,
  operation: `INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state, accepted_at, started_at, ended_at, outcome)
    SELECT gen_random_uuid(), 'anonymous', 'bulk' || n, '', CASE WHEN n % 5 = 0 THEN 'tag' ELSE 'pull' END, '{"reference":"alpine:3"}', 'completed',
      now() - n * interval '20 seconds', now() - n * interval '20 seconds', now() - n * interval '20 seconds', '{}'
    FROM generate_series(1, ${OPERATIONS}) n`,
};

/** Indexes are built after the rows; constraints are not looked at row by row, for these rows keep them. */
export async function fillLarge(client, say) {
  const began = performance.now();
  await client.query(`SET session_replication_role = replica; SET synchronous_commit = off; SET work_mem = '512MB';
    SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 0`);
  const tables = Object.keys(TABLES).filter((name) => !name.startsWith('bulk_'));
  const { rows: indexes } = await client.query(
    `SELECT indexname AS name, indexdef AS text FROM pg_indexes WHERE tablename = ANY($1)
      AND indexname NOT IN (SELECT conname FROM pg_constraint) AND indexdef NOT LIKE 'CREATE UNIQUE%'`,
    [tables],
  );
  await client.query(DIGESTS);
  for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
  for (const [name, statement] of Object.entries(TABLES)) {
    await client.query(statement);
    if (name.startsWith('bulk_')) await client.query(`ANALYZE ${name}`);
    say(`${((performance.now() - began) / 1000).toFixed(0)} s: ${name}`);
  }
  for (const { text } of indexes) await client.query(text);
  say(`${((performance.now() - began) / 1000).toFixed(0)} s: ${indexes.length} indexes`);
  await client.query('DROP TABLE bulk_image, bulk_blob; RESET ALL');
  await client.query('VACUUM ANALYZE');
  return performance.now() - began;
}
