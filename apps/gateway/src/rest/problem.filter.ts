import { STATUS_CODES } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type ErrorCode, internalFault, RegistryError } from '#oci/registry-error';
import { pathOf } from '../registry/parse-registry-path';
import { answerRegistryError, errorHeaders, logFault, STATUS } from '../registry/registry-error.filter';
import { sendAnswer } from '../registry/send-answer';

/** RFC 9457. `code` is ours, for programs; `field` and `rule` say what was wrong with the request. */
export const ProblemSchema = z.object({
  type: z.string().describe('about:blank: the title is that of the status'),
  title: z.string(),
  status: z.number().int(),
  detail: z.string().describe('what happened, and what to do about it'),
  code: z.string().describe('what happened, for programs'),
  field: z.string().optional().describe('where the request is wrong'),
  rule: z.string().optional().describe('what it must be there'),
  about: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('what is in the way, for programs: names, digests, what confirms it'),
});
export type Problem = z.output<typeof ProblemSchema>;

/** Every error outside `/v2/`, and those under it that no route caught. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerError(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

/** Answers an error as the face that was asked spells errors. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const isRegistry = pathOf(request.raw.url ?? '').startsWith('/v2/');
  if (isRegistry && error instanceof RegistryError) {
    answerRegistryError(error, request, reply);
    return;
  }
  const problem = problemOf(error, request.routeOptions?.bodyLimit);
  if (problem.status >= 500) logFault(error, request);
  if (reply.raw.headersSent) return void reply.raw.destroy();
  const { code, detail: message } = problem;
  const body = isRegistry ? { errors: [{ code, message }] } : problem;
  const type = isRegistry ? 'application/json' : 'application/problem+json';
  sendAnswer(reply, problem.status, { 'Content-Type': type, ...errorHeaders(error) }, JSON.stringify(body));
}

/** `bodyLimit` is how many bytes the route takes. */
export function problemOf(error: unknown, bodyLimit?: number): Problem {
  if (error instanceof RegistryError)
    return { ...problem(STATUS[error.code], error.code, error.message), ...fault(error) };
  const status = statusOf(error);
  if (status >= 500) return problem(500, 'INTERNAL', internalFault().message);
  const tooLarge = status === 413 && bodyLimit !== undefined;
  const message = tooLarge ? `the body may have at most ${bodyLimit} bytes` : (error as Error).message;
  return problem(status, CODES[status] ?? 'INVALID', message);
}

/** What Nest and Fastify themselves refuse. */
const CODES: Readonly<Record<number, string>> = {
  404: 'NOT_FOUND',
  405: 'UNSUPPORTED',
  408: 'TIMEOUT',
  413: 'SIZE_INVALID',
  415: 'UNSUPPORTED',
};

function problem(status: number, code: string, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code };
}

/** Refused for how things stand, not for what the request says. */
const STANDS: Partial<Record<ErrorCode, true>> = { CONFLICT: true, PRECONDITION: true, GONE: true, DENIED: true };

function fault({ code, detail }: RegistryError): Pick<Problem, 'field' | 'rule' | 'about'> {
  const { field, rule } = (detail ?? {}) as { field?: unknown; rule?: unknown };
  return {
    ...(typeof field === 'string' ? { field } : {}),
    ...(typeof rule === 'string' ? { rule } : {}),
    ...(STANDS[code] && typeof detail === 'object' ? { about: detail as Problem['about'] } : {}),
  };
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 600 ? statusCode : 500;
}
