import { createHmac } from 'node:crypto';

/** The header that a fetch carries when it asks an upstream, which may be another Entrepot: the ids of all it came through. */
export const HOPS_HEADER = 'entrepot-hops';

/** What an installation calls itself there: the same for all its services, and nobody learns anything from it. */
export function hopId(secret: Uint8Array): string {
  return createHmac('sha256', secret).update('hop').digest('hex').slice(0, 16);
}

/** The ids in the header of a request that came in; what is none is passed over. */
export function readHops(header: string | undefined): string[] {
  if (header === undefined) return [];
  return header
    .slice(0, 1_000)
    .split(',')
    .map((id) => id.trim())
    .filter((id) => /^[0-9a-f]{16}$/.test(id));
}
