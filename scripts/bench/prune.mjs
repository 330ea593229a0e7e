// A prune of 10,000 images in the large warehouse: how long, and what clients waited meanwhile.
import { createHash, randomUUID } from 'node:crypto';
import { largeWarehouse, storeObjects, withDatabase } from './large-warehouse.mjs';
import { askerOf, ms, percentile, timeEach } from './latency.mjs';
import { DockerRegistry, pushRandomImage, seconds } from './program.mjs';

const IMAGES = 10_000;
const REPOSITORIES = 20;
const LAYER_BYTES = 4096;
const QUIET_MS = 4000;
/** A machine that has not purged them by then says how far it came. */
const WITHIN_MS = 240_000;
const PRUNED_WITHIN_MS = 600_000;
const SETTINGS = { ENTREPOT_REVIEW_DELAY_MS: '500', ENTREPOT_GRACE_MS: '500', ENTREPOT_READ_LEASE_AFTER_MS: '500' };

const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Each with a config and a layer of its own, whose bytes lie in the store, and three layers that 40,000 others share. */
async function makeImages(entrepot) {
  const objects = Array.from({ length: 2 * IMAGES }, (_, n) => {
    const bytes = Buffer.from(`gone ${n}\n`.padEnd(n < IMAGES ? 200 : LAYER_BYTES, '.'));
    return { id: `01a00000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`, bytes, digest: digestOf(bytes) };
  });
  const column = (name) => objects.map((object) => object[name]);
  await withDatabase(entrepot, async (client) => {
    const insert = (text, params = []) => client.query(`INSERT INTO ${text}`, params);
    await insert(
      `object (id, state, digest, size, verified_at) SELECT id, 'live', digest, size, now()
        FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS made (id, digest, size)`,
      [column('id'), column('digest'), objects.map(({ bytes }) => bytes.length)],
    );
    await insert(`blob (digest, object_id, size) SELECT digest, id, size FROM object WHERE id = ANY($1)`, [
      column('id'),
    ]);
    await storeObjects(client, entrepot, objects);
    await insert(
      `repository (name, upstream) SELECT 'docker.io/gone/app' || n, 'docker.io' FROM generate_series(1, ${REPOSITORIES}) n`,
    );
    await client.query(
      `CREATE TEMP TABLE gone AS
      SELECT n, 'sha256:' || encode(sha256(('gone' || n)::bytea), 'hex') AS manifest, config, layer,
        (SELECT id FROM repository WHERE name = 'docker.io/gone/app' || 1 + n % ${REPOSITORIES}) AS home
      FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS made (config, layer, n)`,
      [column('digest').slice(0, IMAGES), column('digest').slice(IMAGES)],
    );
    await insert(
      `manifest (digest, media_type, kind, bytes) SELECT manifest, 'application/vnd.oci.image.manifest.v1+json', 'image', '{}' FROM gone`,
    );
    await insert(`repository_manifest (repository_id, digest, upstream, credential, committed_at)
      SELECT home, manifest, 'docker.io', 'anonymous', now() - interval '60 days' FROM gone`);
    await insert(`tag (repository_id, name, digest) SELECT home, 't' || n, manifest FROM gone`);
    await insert(`manifest_blob (manifest, digest, position, role, media_type, size, held)
      SELECT manifest, blob.digest, position, CASE position WHEN 0 THEN 'config' ELSE 'layer' END, 'a/b', blob.size, blob.digest
      FROM gone, LATERAL (SELECT config AS digest, 0 AS position UNION ALL SELECT layer, 4 UNION ALL
        SELECT 'sha256:' || encode(sha256(('base' || k)::bytea), 'hex'), k FROM generate_series(1, 3) k) AS listed
      JOIN blob USING (digest)`);
    await insert(`repository_blob (repository_id, digest, upstream, credential)
      SELECT DISTINCT home, digest, 'docker.io', 'anonymous' FROM gone JOIN manifest_blob USING (manifest) ON CONFLICT DO NOTHING`);
    await client.query('ANALYZE');
  });
}

/** What a client does for an image that stays: its manifest by tag, and its layer. */
function pullOf({ ask }, digest) {
  return async () => {
    for (const path of ['/v2/bench/kept/manifests/1', `/v2/bench/kept/blobs/${digest}`]) {
      const { status, text } = await ask(path, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } });
      if (status !== 200) throw new Error(`${path}: ${status} ${text.slice(0, 200)}`);
    }
  };
}

/** Moves a tag to and fro between images that have layers in common with those that go. */
function moveOf({ ask }, { host }, sources) {
  return async (at) => {
    const body = { source: sources[at % sources.length], target: `${host}/bench/kept:moved` };
    const { status, text } = await ask('/api/v1/tags', {
      method: 'PUT',
      body,
      headers: { 'idempotency-key': randomUUID() },
    });
    if (status > 201) throw new Error(`${status}: ${text}`);
  };
}

const paced = (act, everyMs) => async (at) => {
  await act(at);
  await new Promise((resolve) => setTimeout(resolve, everyMs));
};

/** Acts again and again until told to end; the times of the acts alone. */
async function during(act, isOver, everyMs) {
  const took = [];
  for (let at = 0; !isOver(); at += 1) {
    const began = performance.now();
    await act(at);
    took.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  return took;
}

async function untilGone(entrepot) {
  return withDatabase(entrepot, async (client) => {
    let first;
    for (const end = performance.now() + WITHIN_MS; ; ) {
      const { rows } = await client.query(
        `SELECT count(*)::int AS n FROM object WHERE id BETWEEN '01a00000-0000-7000-8000-000000000000' AND '01a00000-0000-7000-8000-ffffffffffff'`,
      );
      const left = rows[0].n;
      first ??= { left, at: performance.now() };
      if (left === 0 || performance.now() > end) return { first, last: performance.now(), left };
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });
}

async function readShared(entrepot) {
  const { rows } = await withDatabase(entrepot, (client) =>
    client.query(`SELECT r.name || ':' || t.name AS reference FROM manifest_blob AS listed
      JOIN tag t ON t.digest = listed.manifest JOIN repository r ON r.id = t.repository_id
      WHERE listed.held = 'sha256:' || encode(sha256('base1'), 'hex') AND r.upstream IS NOT NULL AND r.name NOT LIKE '%/gone/%' LIMIT 50`),
  );
  return rows.map(({ reference }) => reference);
}

export async function measure(say) {
  const { entrepot } = await largeWarehouse(say);
  const upstream = await DockerRegistry.start();
  const [client, mover] = [askerOf(entrepot.url), askerOf(entrepot.url)];
  try {
    await makeImages(entrepot);
    await entrepot.stop();
    await entrepot.start(SETTINGS);
    const [layer] = await pushRandomImage(upstream.host, 'bench/kept', '1', [256 * 1024]);
    await entrepot.completed(await entrepot.pull(`${upstream.host}/bench/kept:1`));
    const kept = { source: `${upstream.host}/bench/kept:1`, target: `${entrepot.host}/bench/kept:1` };
    await entrepot.ask('PUT', '/api/v1/tags', kept, { 'idempotency-key': randomUUID() });
    const pull = pullOf(client, layer.digest);
    const move = moveOf(mover, entrepot, await readShared(entrepot));
    await timeEach(paced(pull, 5), { most: 200, withinMs: 1000 });
    const quietEnd = performance.now() + QUIET_MS;
    const isQuietOver = () => performance.now() > quietEnd;
    const quiet = await Promise.all([during(pull, isQuietOver, 10), during(move, isQuietOver, 50)]);
    let over = false;
    const busy = Promise.all([during(pull, () => over, 10), during(move, () => over, 50)]);
    busy.catch(() => {});
    const body = { unused: true, repository: 'docker.io/gone/*' };
    const began = performance.now();
    const { status, json, text } = await entrepot.ask('POST', '/api/v1/prune', body, {
      'idempotency-key': randomUUID(),
    });
    if (status !== 202) throw new Error(`${status}: ${text}`);
    const planned = performance.now() - began;
    const operation = await entrepot.completed(json.id, PRUNED_WITHIN_MS);
    const pruned = performance.now() - began;
    if (operation.outcome.removed !== IMAGES) throw new Error(JSON.stringify(operation.outcome));
    say(`planned in ${seconds(planned)}, pruned in ${seconds(pruned)}`);
    const { first, last, left } = await untilGone(entrepot);
    over = true;
    const meanwhile = await busy;
    return toTable({
      planned,
      pruned,
      gone:
        left > 0
          ? `${left.toLocaleString('en')} of ${(2 * IMAGES).toLocaleString('en')} left after ${seconds(last - began)}`
          : seconds(last - began),
      perSecond: ((first.left - left) * 1000) / (last - first.at),
      quiet,
      meanwhile,
    });
  } finally {
    client.close();
    mover.close();
    await upstream.stop();
  }
}

function toTable({ planned, pruned, gone, perSecond, quiet, meanwhile }) {
  const waits = (took) =>
    `p50 ${ms(percentile(took, 0.5))}, p99 ${ms(percentile(took, 0.99))}, longest ${ms(Math.max(...took))} ms`;
  return {
    title: 'A prune of 10,000 images',
    columns: ['What', 'Measured'],
    rows: [
      ['its plan', seconds(planned)],
      ['the prune: names gone, operation ended', seconds(pruned)],
      ['until the last of their bytes is gone', gone],
      ['objects purged once the prune has ended', `${Math.round(perSecond)} a second`],
      ['a pull before (manifest by tag, layer of 256 KiB)', waits(quiet[0])],
      ['a pull meanwhile', waits(meanwhile[0])],
      ['a tag moved before, to an image that shares layers with them', waits(quiet[1])],
      ['a tag moved meanwhile', waits(meanwhile[1])],
    ],
    notes: [
      `In the warehouse of the tables above: ${IMAGES} images of ${REPOSITORIES} repositories, each with a config and a layer of ${LAYER_BYTES / 1024} KiB of its own in the folder store and three layers that 40,000 others have. Review delay and grace are half a second here. One client pulls every 10 ms, another moves a tag every 50 ms.`,
    ],
  };
}
