import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  const folder = await tempFolder('skopeo');
  try {
    const options = ['--all', '--preserve-digests', '--src-tls-verify=false', '--quiet'];
    await runWell(peer('skopeo'), ['copy', ...options, `docker://${reference}`, `dir:${folder}`]);
    return await hashFiles(folder);
  } finally {
    await removeFolder(folder);
  }
}

async function hashFiles(folder: string): Promise<PulledImage> {
  const names = (await readdir(folder)).filter((name) => name !== 'version' && name !== 'manifest.json').sort();
  const blobs = await Promise.all(names.map((name) => hashFile(folder, name)));
  const wrong = names.filter((name, at) => blobs[at] !== `sha256:${name.replace(/\.manifest\.json$/, '')}`);
  if (wrong.length > 0) throw new Error(`these do not hash to their names: ${wrong.join(', ')}`);
  return { digest: await hashFile(folder, 'manifest.json'), blobs };
}

async function hashFile(folder: string, name: string): Promise<string> {
  return `sha256:${createHash('sha256')
    .update(await readFile(join(folder, name)))
    .digest('hex')}`;
}

/** Pulls and checks every byte by crane, and gives the digest. */
export async function pullByCrane(reference: string): Promise<string> {
  await runWell(peer('crane'), ['validate', '--insecure', '--remote', reference]);
  return (await runWell(peer('crane'), ['digest', '--insecure', reference])).trim();
}
