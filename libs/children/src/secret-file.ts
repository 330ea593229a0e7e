import { randomBytes } from 'node:crypto';
import { chmod, link, readFile, rm, writeFile } from 'node:fs/promises';
import { StartFault } from '#config/start-fault';

const makePassword = () => randomBytes(24).toString('base64url');

/**
 * The secret a file holds, made when there is none yet: by default 24 random bytes in base64url, which is safe in a URL.
 * The file is 0600 and appears whole or not at all; of two makers at once the first one's secret is everybody's.
 */
export async function secretFile(path: string, make = makePassword): Promise<string> {
  const held = await readSecret(path);
  if (held) return held;
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(draft, `${make()}\n`, { mode: 0o600, flag: 'wx', flush: true });
    await chmod(draft, 0o600);
    await link(draft, path).catch(ignoreExisting);
  } finally {
    await rm(draft, { force: true });
  }
  const made = await readSecret(path);
  if (!made) throw new StartFault(`${path} is empty, and held a secret: bring it back from a backup.`);
  return made;
}

async function readSecret(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
