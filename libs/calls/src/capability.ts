import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a capability allows: reading an object, appending to a session, or asking a call. */
export interface Grant {
  readonly method: 'read' | 'append' | 'ask';
  /** An object's id, a session's id, or a call's name. */
  readonly object: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** How long a capability lasts: the time to begin a request, not to end it. */
export const CAPABILITY_MS = 60_000;

/** As far as clocks of two processes may differ: who signs one has its own. S3 allows as much. */
export const CLOCKS_DIFFER_MS = 15 * 60_000;

/** How long a capability may be good for by some clock. */
export const CAPABILITY_LIFE_MS = CAPABILITY_MS + CLOCKS_DIFFER_MS;

function seal(secret: Uint8Array, grant: Grant): string {
  return createHmac('sha256', secret).update(`${grant.method}\n${grant.object}\n${grant.expires}`).digest('base64url');
}

/** `<expires>.<hmac>`: says who may do one thing to one object until a time, and nothing else. */
export function signCapability(secret: Uint8Array, grant: Grant): string {
  return `${grant.expires}.${seal(secret, grant)}`;
}

/** Whether `capability` allows this now, by a clock that may be ahead of its signer's. Compares in constant time. */
export function allows(secret: Uint8Array, capability: string, wanted: Omit<Grant, 'expires'>, now: number): boolean {
  const [expiry, given] = capability.split('.');
  const expires = Number(expiry);
  if (!given || !Number.isSafeInteger(expires) || expires + CLOCKS_DIFFER_MS < now) return false;
  const expected = Buffer.from(seal(secret, { ...wanted, expires }));
  const actual = Buffer.from(given);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}
