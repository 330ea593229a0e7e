import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Where sent bytes came from: the store, a download still under way, or a manifest. */
export type SentFrom = 'stored' | 'filling' | 'manifest';

/** Figures for Prometheus, under the names that dashboards for registries already know. */
@Injectable()
export class GatewayMetrics implements OnModuleInit {
  private readonly registry = new Registry();

  private readonly requests = new Counter({
    name: 'registry_http_requests_total',
    help: 'Requests answered, by method, kind of route and status',
    labelNames: ['method', 'route', 'code'],
    registers: [this.registry],
  });

  private readonly durations = new Histogram({
    name: 'registry_http_request_duration_seconds',
    help: 'Time from the headers of a request to the last byte of its answer',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120, 600],
    registers: [this.registry],
  });

  private readonly inFlight = new Gauge({
    name: 'registry_http_in_flight_requests',
    help: 'Requests being answered now',
    registers: [this.registry],
  });

  private readonly sent = new Counter({
    name: 'registry_http_sent_bytes_total',
    help: 'Content sent to clients, by where it came from: the store, a download under way, a manifest',
    labelNames: ['source'],
    registers: [this.registry],
  });

  constructor(private readonly server: HttpAdapterHost) {
    collectDefaultMetrics({ register: this.registry });
  }

  /** Counts every request that the server lets in, from its headers to the last byte of its answer or its cut. */
  onModuleInit(): void {
    const instance = this.server.httpAdapter.getInstance<FastifyInstance>();
    instance.addHook('onRequest', (request, { raw }, done) => {
      const started = performance.now();
      this.inFlight.inc();
      raw.once('close', () => this.count(request, raw.statusCode, performance.now() - started));
      done();
    });
  }

  countSent(source: SentFrom, bytes: number): void {
    this.sent.inc({ source }, bytes);
  }

  private count(request: FastifyRequest, code: number, ms: number): void {
    const labels = { method: request.method, route: routeOf(request) };
    this.inFlight.dec();
    this.requests.inc({ ...labels, code });
    this.durations.observe(labels, ms / 1000);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }
}

/** A label of few values: the kind of content under `/v2/`, the declared path elsewhere. */
function routeOf({ url, routeOptions }: FastifyRequest): string {
  if (routeOptions.url !== '/v2/*') return routeOptions.url ?? 'none';
  return `/v2/${/\/(manifests|blobs|tags|referrers)\//.exec(url)?.[1] ?? ''}`;
}
