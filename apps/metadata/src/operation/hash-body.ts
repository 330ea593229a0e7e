import { createHash } from 'node:crypto';

/** One hash for one meaning: the order of keys does not count. `body` is plain JSON. */
export function hashBody(kind: string, body: Record<string, unknown>): Buffer {
  return createHash('sha256')
    .update(canonical([kind, body]))
    .digest();
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  const sorted = fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}
