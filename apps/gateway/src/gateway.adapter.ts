import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { RequestTimeoutException } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { bareMediaType } from '#oci/media-type';
import type { ErrorCode } from '#oci/registry-error';
import { checkAsker } from './check-asker';
import type { GatewayConfig } from './gateway.config';
import { hostNames } from './known-hosts';
import { requestId } from './request-id';
import { answerError } from './rest/problem.filter';
import { readJsonBody } from './rest/read-json-body';

/** Headers may have this many bytes, the request's line included (RFC 6585, 431 above). */
const HEADER_LIMIT = 16 * 1024;

/** How often a server that ends looks for connections that have become idle, in milliseconds. */
const SWEEP_MS = 50;

type HookDone = (error?: Error) => void;

/** The HTTP server of every face, with all its limits; whoever starts the gateway hands it to Nest. */
export class GatewayAdapter extends FastifyAdapter {
  constructor(private readonly config: GatewayConfig) {
    super({
      bodyLimit: config.ENTREPOT_JSON_LIMIT,
      genReqId: requestId,
      // Headers are bounded above; a digest or an encoded reference must not be cut before its own rule is applied.
      routerOptions: { maxParamLength: HEADER_LIMIT },
      // A body may take hours; only headers, and JSON bodies (see below), have a time limit.
      requestTimeout: 0,
      http: {
        maxHeaderSize: HEADER_LIMIT,
        headersTimeout: config.ENTREPOT_HEADER_TIMEOUT_MS,
        connectionsCheckingInterval: Math.min(1000, config.ENTREPOT_HEADER_TIMEOUT_MS),
      },
      frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
        answerError(error, request, reply),
      clientErrorHandler: refuseUnreadable,
    });
    const names = hostNames(config.ENTREPOT_HOSTS);
    // By callback, here and below: a promise costs each request more than what it would be about.
    this.instance.addHook('onRequest', ({ raw }: FastifyRequest, _reply: FastifyReply, done: HookDone) => {
      try {
        checkAsker(raw, names);
        done();
      } catch (error) {
        done(error as Error);
      }
    });
    this.instance.addHook(
      'preParsing',
      (request: FastifyRequest, reply: FastifyReply, _payload: unknown, done: HookDone) => {
        limitBodyTime(request, reply, config);
        done();
      },
    );
    this.instance.removeAllContentTypeParsers();
    this.instance.addContentTypeParser('application/json', { parseAs: 'buffer' }, readJsonBody);
    // Not read here: a route that takes a stream reads it, and one that takes JSON answers 415.
    this.instance.addContentTypeParser('*', (_request, _payload, done) => done(null));
  }

  /** The parsers above are all there are. */
  override registerParserMiddleware(): void {}

  /** Takes nothing new; answers under way are finished, those that take too long are cut off. */
  override async close(): Promise<void> {
    const { server } = this.instance;
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
    const cut = setTimeout(() => server.closeAllConnections(), this.config.ENTREPOT_DRAIN_MS);
    try {
      await super.close();
    } finally {
      clearInterval(sweep);
      clearTimeout(cut);
    }
  }
}

/**
 * Somebody who sends a JSON body byte by byte holds a connection for ever otherwise: it is read before any route,
 * under `/v2/` too. What GET and HEAD bring is not read, and their answers may take long.
 */
function limitBodyTime(request: FastifyRequest, reply: FastifyReply, config: GatewayConfig): void {
  const { raw, headers, method } = request;
  if (method === 'GET' || method === 'HEAD') return;
  if (bareMediaType(headers['content-type'] ?? '') !== 'application/json') return;
  const timer = setTimeout(() => {
    reply.raw.once('finish', () => raw.destroy());
    answerError(new RequestTimeoutException('the body took too long'), request, reply);
  }, config.ENTREPOT_BODY_TIMEOUT_MS);
  raw.once('close', () => clearTimeout(timer)).once('end', () => clearTimeout(timer));
}

/** What never became a request: the server closes the connection after it has said why. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, code, detail] = unreadable(error.code);
  const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, code });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function unreadable(code: string | undefined): [status: number, code: ErrorCode, detail: string] {
  if (code === 'HPE_HEADER_OVERFLOW')
    return [431, 'SIZE_INVALID', `the headers may have at most ${HEADER_LIMIT} bytes together`];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'TIMEOUT', 'the headers of the request took too long'];
  if (code === 'HPE_INVALID_METHOD') return [400, 'UNSUPPORTED', 'this is no method that HTTP/1.1 has here'];
  return [400, 'INVALID', 'this is not HTTP/1.1 as RFC 9112 has it'];
}
