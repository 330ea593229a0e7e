import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { durable } from '#config/failpoint';
import { StartFault } from '#config/start-fault';

const SecretsSchema = z.object({ capability: z.string().regex(/^[A-Za-z0-9+/]{43}=$/) });

export interface Secrets {
  /** Seals what the services ask of each other: 32 bytes. */
  readonly capability: Uint8Array;
}

/**
 * The secrets of this data folder, made when there are none. Whoever calls holds the folder's lock. The passwords of
 * the database and the bus lie beside their data, for they belong to it.
 */
export async function openSecrets(folder: string): Promise<Secrets> {
  const path = join(folder, 'secrets.json');
  const text =
    (await readFile(path, 'utf8').catch(ignoreMissing)) ??
    (await durable('standalone.write-secrets', () => makeSecrets(path)));
  const secrets = SecretsSchema.safeParse(parseJson(text));
  if (!secrets.success) {
    throw new StartFault(`${path} is not what was written there. Remove it: new secrets will be made.`);
  }
  return { capability: Buffer.from(secrets.data.capability, 'base64') };
}

async function makeSecrets(path: string): Promise<string> {
  const text = `${JSON.stringify({ capability: randomBytes(32).toString('base64') })}\n`;
  await writeFile(`${path}.draft`, text, { mode: 0o600, flush: true });
  await rename(`${path}.draft`, path);
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
