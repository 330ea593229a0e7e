import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Older servers silently ignore what the streams rely on, or have known holes. */
export const LEAST_VERSION = '2.12.6';

export interface NatsServerBinary {
  readonly path: string;
  readonly version: string;
}

/** The nats-server at this path or of this name on PATH; undefined when there is none that runs. */
export async function natsServerAt(path: string): Promise<NatsServerBinary | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000, env: process.env });
    const version = /v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    return version ? { path, version } : undefined;
  } catch {
    return undefined;
  }
}

/** Compares by number, part by part; both are `major.minor.patch`. */
export function isNewEnough(version: string, least = LEAST_VERSION): boolean {
  const [have, want] = [version, least].map((text) => text.split('.').map(Number)) as [number[], number[]];
  const at = want.findIndex((part, index) => have[index] !== part);
  return at === -1 || (have[at] ?? 0) > (want[at] ?? 0);
}
