import { RegistryError } from '#oci/registry-error';

export interface RetryDecision {
  readonly temporary: boolean;
  /** What the upstream asked for, in milliseconds. */
  readonly retryAfterMs?: number;
}

const TEMPORARY_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
const TEMPORARY_CODES = new Set(['UNAVAILABLE', 'TOOMANYREQUESTS', 'TIMEOUT', 'STALE', 'CONFLICT', 'INTERNAL']);

/** This may pass, but mostly the address is wrong, and whoever waits is told soon. */
const DOUBTFUL = new Set(['ENOTFOUND', 'NOT_HTTP']);
const ATTEMPTS_WHILE_DOUBTFUL = 3;
const LONGEST_RETRY_AFTER_S = 24 * 3600;

export function isTemporaryStatus(status: number): boolean {
  return TEMPORARY_STATUS.has(status) || status > 504;
}

/** Whether another attempt can end otherwise. What is no RegistryError is a fault of ours: tried again. */
export function decideRetry(error: unknown, attempts: number): RetryDecision {
  if (!(error instanceof RegistryError)) return { temporary: true };
  if (DOUBTFUL.has(reasonOf(error)) && attempts >= ATTEMPTS_WHILE_DOUBTFUL) return { temporary: false };
  const temporary = TEMPORARY_CODES.has(error.code);
  return temporary && error.retryAfterSeconds !== undefined
    ? { temporary, retryAfterMs: error.retryAfterSeconds * 1000 }
    : { temporary };
}

/** The Retry-After header (RFC 9110, 10.2.3), seconds or a date, as whole seconds from `now` (milliseconds); at most a day. */
export function readRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,10}$/.test(text)) return Math.min(Number(text), LONGEST_RETRY_AFTER_S);
  const at = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) return undefined;
  return Math.min(Math.max(0, Math.ceil((at - now) / 1000)), LONGEST_RETRY_AFTER_S);
}

function reasonOf({ detail }: RegistryError): string {
  return typeof detail === 'object' && detail !== null && 'reason' in detail ? String(detail.reason) : '';
}
