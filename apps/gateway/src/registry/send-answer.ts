import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** distribution sends it with every answer; some clients tell a registry by it. */
export const REGISTRY_VERSION = { 'Docker-Distribution-API-Version': 'registry/2.0' } as const;

export type AnswerHeaders = Record<string, string | number>;

/**
 * Answers with exactly these bytes and headers. Fastify's own `send` would add a charset to JSON media types, which
 * clients of registries compare as text. HEAD gets the headers of GET, its Content-Length too:
 * Node sends no body then.
 */
export function sendAnswer(
  reply: FastifyReply,
  status: number,
  headers: AnswerHeaders,
  body?: Uint8Array | string,
): void {
  const raw = startAnswer(reply, status, withLength(headers, body));
  raw.end(body);
}

/** The JSON of the REST API. Nothing of it may be kept by caches: it is about now. */
export function sendJson(reply: FastifyReply, status: number, value: unknown, headers: AnswerHeaders = {}): void {
  const fixed = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  sendAnswer(reply, status, { ...fixed, ...headers }, JSON.stringify(value));
}

/** Sends the status and the headers at once; the body is the caller's, whole or cut off. */
export function startAnswer(reply: FastifyReply, status: number, headers: AnswerHeaders): ServerResponse {
  reply.hijack();
  return reply.raw.writeHead(status, { ...headers, 'X-Request-Id': reply.request.id });
}

function withLength(headers: AnswerHeaders, body: Uint8Array | string | undefined): AnswerHeaders {
  return body === undefined ? headers : { ...headers, 'Content-Length': Buffer.byteLength(body) };
}
