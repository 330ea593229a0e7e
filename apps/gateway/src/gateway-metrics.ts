import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { counter, gauge, histogram } from '#telemetry/metrics';

/** Where sent bytes came from: the store, a download still under way, a manifest, or the storage that clients were sent to. */
export type SentFrom = 'stored' | 'filling' | 'manifest' | 'redirected';

export const requests = counter(
  'registry_http_requests_total',
  'Requests answered, by method, kind of route and status',
  ['method', 'route', 'code'],
);

export const durations = histogram(
  'registry_http_request_duration_seconds',
  'Time from the headers of a request to the last byte of its answer',
  ['method', 'route'],
);

export const inFlight = gauge('registry_http_in_flight_requests', 'Requests being answered now');

export const sent = counter(
  'registry_http_sent_bytes_total',
  'Content sent to clients, by where it came from: the store, a download under way (filling), a manifest, or the storage that they were sent to (redirected)',
  ['source'],
);

export const hits = counter(
  'registry_proxy_hits_total',
  "Manifests and blobs of upstreams' repositories that clients asked for and that are held here",
  ['type'],
);

export const misses = counter(
  'registry_proxy_misses_total',
  "Manifests and blobs of upstreams' repositories that clients asked for and that an upstream is asked for",
  ['type'],
);

/** Clients that listen to events or watch an operation. */
export const eventStreams = gauge('entrepot_event_streams', 'Clients that listen to events or watch an operation now');

/** What the gateway counts, under the names that dashboards for registries already know. */
@Injectable()
export class GatewayMetrics implements OnModuleInit {
  constructor(private readonly server: HttpAdapterHost) {}

  /** Counts every request that the server lets in, from its headers to the last byte of its answer or its cut. */
  onModuleInit(): void {
    const instance = this.server.httpAdapter.getInstance<FastifyInstance>();
    instance.addHook('onRequest', (request, { raw }, done) => {
      const started = performance.now();
      inFlight.inc();
      raw.once('close', () => count(request, raw.statusCode, performance.now() - started));
      done();
    });
  }

  countSent(source: SentFrom, bytes: number): void {
    sent.inc({ source }, bytes);
  }
}

/** Something of an upstream's repository was asked for. */
export function countProxied(type: 'manifest' | 'blob', isHeld: boolean): void {
  (isHeld ? hits : misses).inc({ type });
}

function count(request: FastifyRequest, code: number, ms: number): void {
  const labels = { method: request.method, route: routeOf(request) };
  inFlight.dec();
  requests.inc({ ...labels, code });
  durations.observe(labels, ms / 1000);
}

/** A label of few values: the kind of content under `/v2/`, the declared path elsewhere. */
export function routeOf({ url, routeOptions }: FastifyRequest): string {
  if (routeOptions.url !== '/v2/*') return routeOptions.url ?? 'none';
  return `/v2/${/\/(manifests|blobs|tags|referrers)\//.exec(url)?.[1] ?? ''}`;
}
