// One large warehouse for all benchmarks of one run: the real program, its own Postgres, rows made in bulk.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { CONFIG, fillLarge } from './large-rows.mjs';
import { Entrepot } from './program.mjs';

let shared = null;

/** Started and filled by the first benchmark that asks. */
export function largeWarehouse(say) {
  shared ??= start(say);
  return shared;
}

export async function endLargeWarehouse() {
  if (shared === null) return;
  const { entrepot } = await shared;
  await entrepot.destroy();
}

async function start(say) {
  const entrepot = await Entrepot.start();
  try {
    const fillMs = await withDatabase(entrepot, (client) => fillLarge(client, say));
    return { entrepot, fillMs };
  } catch (error) {
    await entrepot.destroy();
    throw error;
  }
}

/** A connection to the Postgres that the program started for itself. */
export async function withDatabase(entrepot, run) {
  const folder = join(entrepot.data, 'postgres');
  const port = readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[3];
  const password = readFileSync(join(folder, 'password'), 'utf8').trim();
  const client = new pg.Client(`postgres://entrepot:${password}@127.0.0.1:${port}/entrepot`);
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}

/** Puts an object's bytes where the folder store has them, with the row that says so. */
export async function storeObjects(client, entrepot, objects) {
  const place = (id) => join(entrepot.data, 'blobs', 'objects', id.slice(0, 6));
  for (const shelf of new Set(objects.map(({ id }) => place(id)))) mkdirSync(shelf, { recursive: true });
  for (const { id, bytes } of objects) writeFileSync(join(place(id), id), bytes);
  await client.query(
    `INSERT INTO extent (object_id, start, length) SELECT id, 0, length FROM unnest($1::uuid[], $2::bigint[]) AS stored (id, length)
      ON CONFLICT DO NOTHING`,
    [objects.map(({ id }) => id), objects.map(({ bytes }) => bytes.length)],
  );
}

/** Of these images and what they list, the configs lie in the store: inspecting reads them. */
export async function storeConfigs(client, entrepot, digests) {
  const { rows } = await client.query(
    `SELECT object.id, ${CONFIG("(image_config.labels ->> 'org.opencontainers.image.version')::int")} AS text
      FROM (SELECT unnest($1::text[]) AS digest UNION SELECT held FROM manifest_child WHERE parent = ANY($1)) AS asked
      JOIN image_config ON image_config.manifest = asked.digest
      JOIN manifest_blob AS listed ON listed.manifest = asked.digest AND role = 'config'
      JOIN object ON object.digest = listed.digest AND object.state = 'live'`,
    [digests],
  );
  const objects = rows.map(({ id, text }) => ({ id, bytes: Buffer.from(text) }));
  await storeObjects(client, entrepot, objects);
}
