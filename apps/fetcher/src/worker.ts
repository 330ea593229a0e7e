import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/** The injection token of this process' name as a worker, as leases keep it. */
export const WORKER = Symbol('worker');

export function workerName(): string {
  return `${hostname().slice(0, 24)}/${process.pid}/${randomUUID().slice(0, 8)}`;
}
