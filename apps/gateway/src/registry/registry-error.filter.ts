import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { formatContentRange } from '#oci/byte-range';
import { type ErrorCode, isRegistryError, RegistryError, toErrorEnvelope } from '#oci/registry-error';
import { doing, enterDoing } from '#telemetry/doing';
import { type AnswerHeaders, REGISTRY_VERSION, sendAnswer } from './send-answer';

/** The only place where a code becomes an HTTP status. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 413,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  UNAVAILABLE: 503,
  CONFLICT: 409,
  GONE: 410,
  PRECONDITION: 412,
  TIMEOUT: 504,
  // The caller called it off; if anybody still reads, asking again is right.
  CANCELLED: 503,
  STALE: 416,
  RANGE_INVALID: 416,
  NOT_FOUND: 404,
  INVALID: 400,
  UPSTREAM: 502,
  INTERNAL: 500,
};

/** When to ask again where nobody knows better, in seconds. */
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = {
  UNAVAILABLE: 5,
  TOOMANYREQUESTS: 60,
  TIMEOUT: 5,
  CANCELLED: 1,
};

/** What a client may do under `/v2/` so far. */
export const REGISTRY_METHODS = 'GET, HEAD, OPTIONS';

const logger = new Logger('Gateway');

/** An error as the OCI distribution specification has it, "Error Codes": `{errors: [{code, message, detail}]}`. */
@Catch()
export class RegistryErrorFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerRegistryError(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

export function answerRegistryError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  logFault(error, request);
  if (reply.raw.headersSent) return void reply.raw.destroy();
  const { code, message, detail } = toErrorEnvelope(error);
  const body = JSON.stringify({ errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] });
  sendAnswer(
    reply,
    STATUS[code],
    {
      'Content-Type': 'application/json',
      ...REGISTRY_VERSION,
      ...errorHeaders(error),
      ...(code === 'UNSUPPORTED' ? { Allow: REGISTRY_METHODS } : {}),
    },
    body,
  );
}

/** Headers that an error's code asks for, whichever face answers it. */
export function errorHeaders(error: unknown): AnswerHeaders {
  if (!(error instanceof RegistryError)) return {};
  const retryAfter = error.retryAfterSeconds ?? RETRY_AFTER[error.code];
  const size = error.code === 'RANGE_INVALID' ? (error.detail as { size?: unknown } | undefined)?.size : undefined;
  return {
    ...(retryAfter === undefined ? {} : { 'Retry-After': Math.max(1, Math.ceil(retryAfter)) }),
    ...(typeof size === 'number' ? { 'Content-Range': formatContentRange({ kind: 'unsatisfiable' }, size) } : {}),
  };
}

/** What is our own fault is logged with its cause; what the caller did wrong is only answered. */
export function logFault(error: unknown, request: FastifyRequest): void {
  const status = error instanceof RegistryError ? STATUS[error.code] : 500;
  if (status < 500 || isRegistryError(error, 'CANCELLED')) return;
  const what = `${request.method} ${request.routeOptions.url ?? 'unknown route'}`;
  const say = () => {
    if (error instanceof RegistryError) logger.warn(`${what}: ${error.code} ${error.message}`);
    else logger.error(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  };
  enterDoing({ ...doing(), request: request.id }, say)();
}
