import { z } from 'zod';
import { escapeText, quoteText } from './quote-text';

/** The error codes of the OCI distribution specification, "Error Codes". */
export const OCI_ERROR_CODES = [
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
] as const;

/** What the specification has no code for. `STALE` is a lost epoch or a wrong offset; `UPSTREAM` is an upstream that answered wrongly. */
export const ENTREPOT_ERROR_CODES = [
  'UNAVAILABLE',
  'CONFLICT',
  'GONE',
  'PRECONDITION',
  'TIMEOUT',
  'CANCELLED',
  'STALE',
  'RANGE_INVALID',
  'NOT_FOUND',
  'INVALID',
  'UPSTREAM',
  'INTERNAL',
] as const;

export type OciErrorCode = (typeof OCI_ERROR_CODES)[number];
export type EntrepotErrorCode = (typeof ENTREPOT_ERROR_CODES)[number];
export type ErrorCode = OciErrorCode | EntrepotErrorCode;

export interface RegistryErrorOptions {
  /** What a program may read: plain JSON, never a secret. */
  detail?: unknown;
  /** When asking again may help, in whole seconds. */
  retryAfterSeconds?: number | undefined;
  /** For this process' log only: it never crosses to another process or a client. */
  cause?: unknown;
}

/** The one error that domain code throws. Its message is written for the person who asked, and holds no secret. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: ErrorCode;
  readonly detail?: unknown;
  readonly retryAfterSeconds?: number;

  constructor(code: ErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.detail !== undefined) this.detail = options.detail;
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export function isRegistryError(error: unknown, ...codes: ErrorCode[]): error is RegistryError {
  return error instanceof RegistryError && (codes.length === 0 || codes.includes(error.code));
}

export function isOciErrorCode(code: ErrorCode): code is OciErrorCode {
  return (OCI_ERROR_CODES as readonly string[]).includes(code);
}

const GENERIC_MESSAGE = 'an internal error: the log of the service that failed says more';

const clip = (text: string): string => text.slice(0, 300);

export const blobUnknown = (digest: string) =>
  new RegistryError('BLOB_UNKNOWN', `blob ${quoteText(digest)} is not in this repository`, {
    detail: { digest: clip(digest) },
  });

export const blobUploadInvalid = (rule: string, detail?: unknown) =>
  new RegistryError('BLOB_UPLOAD_INVALID', `the upload is invalid: ${rule}`, { detail });

export const blobUploadUnknown = (session: string) =>
  new RegistryError(
    'BLOB_UPLOAD_UNKNOWN',
    `no upload session ${quoteText(session)} in this repository: it has ended or was never here`,
    {
      detail: { session: clip(session) },
    },
  );

export const digestInvalid = (digest: string, rule: string) =>
  new RegistryError('DIGEST_INVALID', `digest ${quoteText(digest)} is invalid: ${rule}`, {
    detail: { digest: clip(digest), rule },
  });

export const manifestBlobUnknown = (digest: string) =>
  new RegistryError(
    'MANIFEST_BLOB_UNKNOWN',
    `the manifest names ${quoteText(digest)}, which is not in this repository: upload it first`,
    {
      detail: { digest: clip(digest) },
    },
  );

export const manifestInvalid = (rule: string, detail?: unknown) =>
  new RegistryError('MANIFEST_INVALID', `the manifest is invalid: ${rule}`, { detail: detail ?? { rule } });

export const manifestUnknown = (reference: string) =>
  new RegistryError('MANIFEST_UNKNOWN', `no manifest ${quoteText(reference)} in this repository`, {
    detail: { reference: clip(reference) },
  });

/** `name` is echoed: strip any user and password from it first. */
export const nameInvalid = (name: string, rule: string) =>
  new RegistryError('NAME_INVALID', `name ${quoteText(name)} is invalid: ${rule}`, {
    detail: { name: clip(name), rule },
  });

export const nameUnknown = (name: string) =>
  new RegistryError('NAME_UNKNOWN', `no repository ${quoteText(name)} here`, { detail: { name: clip(name) } });

/** Tags are part of the name: the specification has no code of their own for them. */
export const tagInvalid = (tag: string, rule: string) =>
  new RegistryError('NAME_INVALID', `tag ${quoteText(tag)} is invalid: ${rule}`, { detail: { tag: clip(tag), rule } });

/** `limit` and `actual` in bytes. */
export const sizeInvalid = (what: string, limit: number, actual?: number) =>
  new RegistryError(
    'SIZE_INVALID',
    `${what} may have at most ${limit} bytes${actual === undefined ? '' : `, not ${actual}`}`,
    {
      detail: { limit, ...(actual === undefined ? {} : { actual }) },
    },
  );

export const denied = (why = 'access to this resource is denied', detail?: unknown) =>
  new RegistryError('DENIED', why, { detail });

export const unsupported = (what: string) => new RegistryError('UNSUPPORTED', what);

export const tooManyRequests = (what: string, retryAfterSeconds?: number) =>
  new RegistryError('TOOMANYREQUESTS', what, { retryAfterSeconds });

/** `what` is what is away: "storage", "the database". Never to be confused with absent. */
export const unavailable = (what: string, retryAfterSeconds?: number, cause?: unknown) =>
  new RegistryError('UNAVAILABLE', `${what} is not available at the moment`, { retryAfterSeconds, cause });

export const conflict = (why: string, detail?: unknown) => new RegistryError('CONFLICT', why, { detail });

/** The caller said how things must stand, and they do not: nothing was done. */
export const precondition = (why: string, detail?: unknown) => new RegistryError('PRECONDITION', why, { detail });

export const gone = (what: string) => new RegistryError('GONE', `${what} is gone`);

export const timedOut = (what: string, retryAfterSeconds?: number) =>
  new RegistryError('TIMEOUT', `${what} took too long: whether it happened is unknown`, { retryAfterSeconds });

export const cancelled = (what: string) => new RegistryError('CANCELLED', `${what} was cancelled`);

/** A writer that lost its session: another took the epoch, or the offset is not where the bytes end. `offset` in bytes. */
export const stale = (why: string, offset?: number) =>
  new RegistryError('STALE', why, offset === undefined ? {} : { detail: { offset } });

/** `size` in bytes: what the representation really has. */
export const rangeInvalid = (size: number) =>
  new RegistryError('RANGE_INVALID', `the range lies outside the ${size} bytes there are`, { detail: { size } });

export const notFound = (what: string, detail?: unknown) =>
  new RegistryError('NOT_FOUND', `${what} was not found`, { detail });

export const invalidField = (field: string, rule: string) =>
  new RegistryError('INVALID', `${escapeText(field)} is invalid: ${rule}`, { detail: { field: clip(field), rule } });

/** `registry` is the host that answered, `why` what was wrong with the answer. */
export const upstreamFault = (registry: string, why: string, options: RegistryErrorOptions = {}) =>
  new RegistryError('UPSTREAM', `upstream ${quoteText(registry)}: ${why}`, {
    ...options,
    detail: options.detail ?? { registry: clip(registry) },
  });

export const internalFault = (cause?: unknown) => new RegistryError('INTERNAL', GENERIC_MESSAGE, { cause });

export const ErrorEnvelopeSchema = z.object({
  code: z.enum([...OCI_ERROR_CODES, ...ENTREPOT_ERROR_CODES]),
  message: z.string(),
  detail: z.unknown().optional(),
  retryAfterSeconds: z.number().optional(),
});

/** How an error crosses processes. */
export type ErrorEnvelope = z.infer<typeof ErrorEnvelopeSchema>;

/** An error that is not ours says nothing outside its process: its text may hold paths, queries or secrets. */
export function toErrorEnvelope(error: unknown): ErrorEnvelope {
  if (!(error instanceof RegistryError)) return { code: 'INTERNAL', message: GENERIC_MESSAGE };
  const { code, message, detail, retryAfterSeconds } = error;
  return {
    code,
    message,
    ...(isJson(detail) ? { detail } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}

/** Anything that is no envelope, or has a code from another version, becomes `INTERNAL`. */
export function fromErrorEnvelope(json: unknown): RegistryError {
  const { success, data } = ErrorEnvelopeSchema.safeParse(json);
  if (!success) return internalFault();
  return new RegistryError(data.code, data.message, { detail: data.detail, retryAfterSeconds: data.retryAfterSeconds });
}

function isJson(detail: unknown): boolean {
  try {
    return JSON.stringify(detail) !== undefined;
  } catch {
    return false;
  }
}
