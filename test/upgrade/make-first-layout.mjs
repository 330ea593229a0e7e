// Makes first-layout/ anew: a data folder as the first program wrote it, whose migration was 0001 alone. It is there so
// that it never changes; this says how it came to be, and needs a clone with its history.
import { spawn, spawnSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** The last commit before the second migration. */
const FIRST = '196d5b3';
/** Part of the names of what was pulled. */
const UPSTREAM_PORT = 5999;

const here = dirname(fileURLToPath(import.meta.url));
const house = join(here, '..', '..');
const target = join(here, 'first-layout');

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

const sha256 = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const noise = (seed, size) =>
  createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), Buffer.alloc(16)).update(
    Buffer.alloc(size),
  );

/** A registry with what the images below are made of. */
class Upstream {
  #found = new Map();

  blob(mediaType, bytes) {
    this.#found.set(sha256(bytes), { mediaType, bytes });
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  }

  manifest(name, tag, json) {
    const bytes = Buffer.from(JSON.stringify(json));
    const described = this.blob(json.mediaType, bytes);
    if (tag) this.#found.set(`${name}:${tag}`, this.#found.get(described.digest));
    return described;
  }

  image(name, tag, architecture, layers) {
    const config = Buffer.from(JSON.stringify({ architecture, os: 'linux', config: { Labels: { name } } }));
    return this.manifest(name, tag, {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: this.blob(CONFIG, config),
      layers: layers.map((bytes) => this.blob(LAYER, bytes)),
    });
  }

  async listen() {
    const server = createServer(({ method, url }, response) => {
      if (url === '/v2/') return response.end('{}');
      const [, name, , what] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(url) ?? [];
      const found = this.#found.get(what) ?? this.#found.get(`${name}:${what}`);
      if (!found) return response.writeHead(404).end();
      const headers = { 'content-type': found.mediaType, 'content-length': found.bytes.length };
      response.writeHead(200, { ...headers, 'docker-content-digest': sha256(found.bytes) });
      return response.end(method === 'HEAD' ? undefined : found.bytes);
    });
    server.listen(UPSTREAM_PORT, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function until(what, ask) {
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((done) => setTimeout(done, 100))) {
    const answer = await ask();
    if (answer) return answer;
  }
  throw new Error(`not within a minute: ${what}`);
}

async function json(url, body) {
  const how = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return (await fetch(url, how)).json();
}

/** What its migration ran, in order. */
async function schemaOf(program) {
  const { Warehouse0001 } = createRequire(import.meta.url)(
    join(program, 'dist/apps/metadata/src/database/migrations/0001-warehouse.js'),
  );
  const statements = [];
  await new Warehouse0001().up({ query: async (text) => statements.push(text.trim()) });
  return `${statements.join(';\n\n')};\n`;
}

/** Every row as JSON, and the sequences, by a table's or sequence's name. */
async function rowsOf(url) {
  const client = new pg.Client(url);
  await client.connect();
  const read = async (text) => (await client.query(text)).rows;
  const tables = await read(`SELECT relname AS name FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname`);
  const rows = {};
  for (const { name } of tables) {
    const found = await read(`SELECT row_to_json(it)::text AS row FROM "${name}" it ORDER BY 1`);
    rows[name] = found.map(({ row }) => JSON.parse(row));
  }
  const sequences = await read(`SELECT sequencename AS name, last_value::text AS value FROM pg_sequences
    WHERE last_value IS NOT NULL ORDER BY 1`);
  await client.end();
  return { rows, sequences: Object.fromEntries(sequences.map(({ name, value }) => [name, value])) };
}

async function live(program, data) {
  const upstream = new Upstream();
  const base = noise('base', 8_000);
  upstream.image('team/app', '1', 'amd64', [base, noise('app 1', 12_000)]);
  upstream.image('team/app', '2', 'amd64', [base, noise('app 2', 9_000)]);
  upstream.image('team/gone', '1', 'amd64', [base, noise('gone', 5_000)]);
  const platforms = ['amd64', 'arm64'].map((architecture) => ({
    ...upstream.image('team/many', null, architecture, [noise(`many ${architecture}`, 4_000)]),
    platform: { os: 'linux', architecture },
  }));
  upstream.manifest('team/many', '1', { schemaVersion: 2, mediaType: INDEX, manifests: platforms });
  const server = await upstream.listen();
  const env = {
    ...process.env,
    ENTREPOT_DATA: data,
    ENTREPOT_PORT: '0',
    ENTREPOT_NATS_PORT: '0',
    ENTREPOT_HOST_PLATFORM: 'linux/amd64',
  };
  const child = spawn(process.execPath, [join(program, 'dist/apps/standalone/src/main.js')], { env });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  const url = await until(`it starts:\n${said}`, () => /registry, API and page +(http:\S+)/.exec(said)?.[1]);
  const operations = `${url}/api/v1/operations`;
  const ended = (id) =>
    until(id, async () => {
      const operation = await json(`${operations}/${id}`);
      return ['completed', 'failed'].includes(operation.state) && operation;
    });
  const host = `127.0.0.1:${UPSTREAM_PORT}`;
  for (const name of ['team/app:1', 'team/app:2', 'team/many:1', 'team/gone:1', 'team/none:1']) {
    await ended((await json(operations, { kind: 'pull', reference: `${host}/${name}` })).id);
  }
  await ended((await json(operations, { kind: 'remove', reference: `${host}/team/gone:1` })).id);
  run('nats', ['--server', /messages +(nats:\S+)/.exec(said)[1], 'pub', 'entrepot.request.pull', 'no JSON']);
  const admin = (...args) =>
    spawnSync(process.execPath, [join(program, 'dist/apps/standalone/src/admin.js'), ...args], {
      env,
      encoding: 'utf8',
    });
  await until('a dead letter', () => admin('dead-letters').stdout.includes('JSON'));
  // What is told of on the bus, and kept as names, has been.
  await new Promise((done) => setTimeout(done, 3_000));
  const images = await json(`${url}/api/v1/images?limit=100`);
  const { children } = { children: readFileSync(join(data, 'children.json'), 'utf8') };
  const password = readFileSync(join(data, 'postgres', 'password'), 'utf8').trim();
  const port = readFileSync(join(data, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[3];
  const database = await rowsOf(`postgres://entrepot:${password}@127.0.0.1:${port}/entrepot`);
  child.kill('SIGTERM');
  await once(child, 'exit');
  server.close();
  return { images, database, children };
}

const work = mkdtempSync(join(tmpdir(), 'entrepot-first-'));
try {
  run('chmod', ['711', work]);
  const program = join(work, 'program');
  run('git', ['clone', '--quiet', house, program]);
  run('git', ['checkout', '--quiet', FIRST], program);
  symlinkSync(join(house, 'node_modules'), join(program, 'node_modules'));
  run(process.execPath, ['scripts/build.mjs'], program);
  const data = join(work, 'data');
  const { images, database } = await live(program, data);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  writeFileSync(join(target, 'images.json'), `${JSON.stringify(images, null, 2)}\n`);
  writeFileSync(join(target, 'schema.sql'), await schemaOf(program));
  const lines = Object.entries(database.rows).map(
    ([table, rows]) => `"${table}": [${rows.map((row) => `\n  ${JSON.stringify(row)}`).join(',')}]`,
  );
  writeFileSync(join(target, 'rows.json'), `{\n${lines.join(',\n')}\n}\n`);
  writeFileSync(join(target, 'sequences.json'), `${JSON.stringify(database.sequences, null, 2)}\n`);
  const left = ['postgres', 'bin', 'lock', 'children.json', 'running.json', 'blobs/blobs.lock'];
  run('tar', [
    '-czf',
    join(target, 'data.tar.gz'),
    '--owner=0',
    '--group=0',
    ...left.map((name) => `--exclude=./${name}`),
    '-C',
    data,
    '.',
  ]);
} finally {
  rmSync(work, { recursive: true, force: true });
}
