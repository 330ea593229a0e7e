// What the benchmarks share: the built program, its process tree, other programs, medians.
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

const require = createRequire(import.meta.url);
const built = (path) => require(`../../dist/${path}.js`);
const testing = (name) => built(`libs/testing/src/${name}`);

export const { Entrepot } = testing('entrepot');
export const { FiveServices } = testing('five-services');
export const { MinioServer } = built('apps/blobs/src/driver/minio-server.testing');
export const { DockerRegistry } = testing('docker-registry');
export const { ScriptedUpstream } = testing('scripted-upstream');
export const { addScriptedImage } = testing('scripted-image');
export const { eventually } = testing('eventually');
export const { peer } = testing('peers');
export const { tempFolder, removeFolder } = testing('temp-folder');
export const run = promisify(execFile);

export function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

export const seconds = (ms) => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
export const mib = (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`;

const stat = (pid) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');

/** A process and all below it. */
export function processTree(pid) {
  const parents = new Map();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(Number(entry), Number(stat(entry)[1]));
    } catch {}
  }
  const tree = [pid];
  for (const one of tree) for (const [child, parent] of parents) if (parent === one) tree.push(child);
  return tree;
}

/** Seconds of processor time that a process and its living children have used. */
export function processorSeconds(pid) {
  const ticks = processTree(pid)
    .map((each) => stat(each))
    .map((fields) => Number(fields[11]) + Number(fields[12]));
  return ticks.reduce((sum, each) => sum + each, 0) / 100;
}

/** A line of /proc/<pid>/status, in bytes: VmRSS, VmHWM. */
export function memoryOf(pid, line) {
  const match = new RegExp(`^${line}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return match ? Number(match[1]) * 1024 : 0;
}

/** Memory of a tree without counting shared pages twice (PSS), in bytes. */
export function sharedMemoryOf(pid) {
  const sizes = processTree(pid).map((each) => {
    const match = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${each}/smaps_rollup`, 'utf8'));
    return match ? Number(match[1]) * 1024 : 0;
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Pushes an image of random layers, sizes in bytes, and gives its digests. */
export async function pushRandomImage(host, repository, tag, sizes) {
  const blobs = [];
  const config = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] }, tag }),
  );
  blobs.push(await pushBlob(host, repository, [config]));
  for (const size of sizes) blobs.push(await pushBlob(host, repository, randomChunks(size)));
  const [first, ...layers] = blobs;
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...first },
    layers: layers.map((layer) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer })),
  });
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
    body: manifest,
  });
  if (answer.status !== 201) throw new Error(`manifest: ${answer.status} ${await answer.text()}`);
  return layers;
}

function* randomChunks(size) {
  const chunk = 4 * 2 ** 20;
  for (let left = size; left > 0; left -= chunk) yield randomBytes(Math.min(chunk, left));
}

async function pushBlob(host, repository, chunks) {
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256');
  let size = 0;
  const begun = await fetch(`http://${host}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  let location = begun.headers.get('location');
  for (const chunk of chunks) {
    hash.update(chunk);
    const answer = await fetch(location, {
      method: 'PATCH',
      headers: { 'content-type': 'application/octet-stream', 'content-range': `${size}-${size + chunk.length - 1}` },
      body: chunk,
    });
    if (answer.status !== 202) throw new Error(`chunk: ${answer.status} ${await answer.text()}`);
    size += chunk.length;
    location = answer.headers.get('location');
  }
  const digest = `sha256:${hash.digest('hex')}`;
  const ended = await fetch(`${location}${location.includes('?') ? '&' : '?'}digest=${digest}`, { method: 'PUT' });
  if (ended.status !== 201) throw new Error(`blob: ${ended.status} ${await ended.text()}`);
  return { digest, size };
}

/** Runs a program and gives its wall time in milliseconds and its processor seconds. */
export function timed(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(
      '/usr/bin/env',
      ['bash', '-c', 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>/dev/null', '-', command, ...args],
      options,
    );
    let text = '';
    child.stderr.on('data', (part) => {
      text += part;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code !== 0) return reject(new Error(`${command} ended with ${code}`));
      const [user = 0, system = 0] = text.trim().split(' ').map(Number);
      resolve({ ms: performance.now() - began, cpu: user + system });
    });
  });
}
