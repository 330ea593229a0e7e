import { createHash } from 'node:crypto';
import type { ScriptedImage } from '#testing/scripted-image';
import type { Victim } from './victim';

const READ_WITHIN_MS = 120_000;

interface Listed {
  readonly config: { readonly digest: string; readonly size: number };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

/** One answer, read to its end; throws where it is none, is cut off, or has other bytes than its digest says. */
export async function readVerified(victim: Victim, path: string, digest?: string): Promise<Buffer> {
  const answer = await fetch(`${victim.program.url}${path}`, { signal: AbortSignal.timeout(READ_WITHIN_MS) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${bytes}`);
  const promised = digest ?? answer.headers.get('docker-content-digest');
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (actual !== promised) throw new Error(`${path}: ${bytes.length} bytes hash to ${actual}, not ${promised}`);
  return bytes;
}

/** As a client pulls an image: its manifest by its tag, then every blob. Throws Died. */
export async function readImage(victim: Victim, { path }: ScriptedImage): Promise<void> {
  await victim.alive(async () => {
    const { config, layers } = JSON.parse(String(await readVerified(victim, `${path}/manifests/1`))) as Listed;
    for (const { digest, size } of [config, ...layers]) {
      const { length } = await readVerified(victim, `${path}/blobs/${digest}`, digest);
      if (length !== size) throw new Error(`${digest} has ${length} bytes, and was to have ${size}`);
    }
  });
}
