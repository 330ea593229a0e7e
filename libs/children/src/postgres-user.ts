import { execFileSync, spawnSync } from 'node:child_process';
import type { ChildUser } from './child-process';

/** Postgres refuses to run as root: then it runs as `nobody`. undefined: as ourselves. */
export function postgresUser(): ChildUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return { uid: idOfNobody('-u'), gid: idOfNobody('-g') };
}

function idOfNobody(which: '-u' | '-g'): number {
  try {
    return Number(execFileSync('id', [which, 'nobody'], { encoding: 'utf8' }));
  } catch {
    return 65534;
  }
}

/** Whether the user can get to this folder, every folder above it included. Asked by trying. */
export function canReach(user: ChildUser | undefined, folder: string): boolean {
  if (!user) return true;
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...user, stdio: 'ignore' }).status === 0;
}
