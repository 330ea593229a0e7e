import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Doing, enterDoing } from '#telemetry/doing';
import { parseTraceParent } from '#telemetry/trace-parent';
import { isTracing, openSpan } from '#telemetry/tracing';
import { routeOf } from './gateway-metrics';
import { traceparentOf } from './request-id';

/** Asked every few seconds by machines, about nothing that anybody follows. */
const UNTRACED = new Set(['/livez', '/readyz', '/metrics']);

/** Requests as parts of traces, of those that their clients name or of new ones, where this process sends traces. */
@Injectable()
export class RequestTraces implements OnModuleInit {
  private readonly followed = new WeakMap<FastifyRequest, Doing>();

  constructor(private readonly server: HttpAdapterHost) {}

  onModuleInit(): void {
    // A hook that does nothing costs each request all the same.
    if (!isTracing()) return;
    const instance = this.server.httpAdapter.getInstance<FastifyInstance>();
    instance.addHook('onRequest', (request, reply, done) => {
      this.follow(request, reply);
      done();
    });
    // After the body was read, which would lose it.
    instance.addHook('preHandler', (request, { raw }, done) => {
      const doing = this.followed.get(request);
      if (doing === undefined) done();
      else raw.once('close', enterDoing(doing, done));
    });
  }

  private follow(request: FastifyRequest, { raw }: FastifyReply): void {
    const route = routeOf(request);
    if (UNTRACED.has(route)) return;
    const parent = parseTraceParent(traceparentOf(request.headers));
    const attributes = { 'http.request.method': request.method, 'http.route': route, 'url.path': pathOf(request) };
    const name = `${request.method} ${route}`;
    const span = openSpan(name, { role: 'server', parent, begins: request.id, attributes });
    if (span === undefined) return;
    this.followed.set(request, { request: request.id, trace: span.trace });
    raw.once('close', () => {
      span.set({ 'http.response.status_code': raw.statusCode });
      span.end(raw.statusCode >= 500 || !raw.writableFinished ? { code: String(raw.statusCode) } : undefined);
    });
  }
}

/** Without its query, where tokens may stand. */
const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0]!;
