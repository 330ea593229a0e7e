import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { peer } from './peers';
import { runWell } from './run-program';
import { removeFolder, tempFolder } from './temp-folder';

export interface PulledImage {
  /** Of the manifest or index, as its bytes hash. */
  readonly digest: string;
  /** Every other file of the image by the digest of its bytes, which is the one it came under. */
  readonly blobs: readonly string[];
}

/** Copies `host:port/name:tag` with all its platforms by skopeo, and hashes every file that came. */
export async function pullBySkopeo(reference: string): Promise<PulledImage> {
  const options = ['--all', '--preserve-digests', '--src-tls-verify=false', '--quiet'];
  return inFolder(async (folder) => {
    await runWell(peer('skopeo'), ['copy', ...options, `docker://${reference}`, `dir:${folder}`]);
    const names = (await readdir(folder)).filter((name) => name !== 'version' && name !== 'manifest.json').sort();
    const digest = await digestOfFile(join(folder, 'manifest.json'));
    return { digest, blobs: await verifiedNames(folder, names) };
  });
}

/** Pulls by crane into an OCI layout, and hashes every file that came. */
export async function pullByCrane(reference: string): Promise<PulledImage> {
  return inFolder(async (folder) => {
    await runWell(peer('crane'), ['pull', '--insecure', '--format=oci', reference, folder]);
    const { manifests } = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as Index;
    const blobs = join(folder, 'blobs', 'sha256');
    return { digest: manifests[0]?.digest ?? '', blobs: await verifiedNames(blobs, (await readdir(blobs)).sort()) };
  });
}

interface Index {
  readonly manifests: readonly { readonly digest: string }[];
}

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = await tempFolder('pull');
  try {
    return await run(folder);
  } finally {
    await removeFolder(folder);
  }
}

/** Each file is named by the digest that its bytes must have. */
async function verifiedNames(folder: string, names: readonly string[]): Promise<string[]> {
  const digests = await Promise.all(names.map((name) => digestOfFile(join(folder, name))));
  const wrong = names.filter((name, at) => digests[at] !== `sha256:${name.replace(/\.manifest\.json$/, '')}`);
  if (wrong.length > 0) throw new Error(`these do not hash to their names: ${wrong.join(', ')}`);
  return digests;
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash);
  return `sha256:${hash.digest('hex')}`;
}
