/** What an S3 API's failure means: the bytes are not there, the store is full, it may work next time, or it will not. */
export type StorageVerdict = 'missing' | 'full' | 'again' | 'refused';

/** `InvalidRange`: the object is shorter than its row says. */
const MISSING = new Set(['NoSuchKey', 'InvalidRange']);
const FULL = new Set(['XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded', 'InsufficientStorage', 'QuotaExceeded']);
const AGAIN = new Set([
  'InternalError',
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'ServiceUnavailable',
  'RequestTimeout',
  'XMinioServerNotInitialized',
  'IncompleteBody',
  'XAmzContentSHA256Mismatch',
]);

/**
 * Codes of the S3 API come in the error's `code`. Of 429, 500, 502, 503 and 504 the client gives no code; what has
 * none is either that or the connection's failure, and may work next time.
 */
export function judgeStorageError(error: unknown): StorageVerdict {
  const { name, code } = Object(error) as { name?: string; code?: string };
  if (code !== undefined && MISSING.has(code)) return 'missing';
  if (code !== undefined && FULL.has(code)) return 'full';
  if (name === 'S3Error') return code !== undefined && AGAIN.has(code) ? 'again' : 'refused';
  return 'again';
}
