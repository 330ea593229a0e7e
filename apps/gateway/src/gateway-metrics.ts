import { Injectable } from '@nestjs/common';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Where sent bytes came from: the store, a download still under way, or a manifest. */
export type SentFrom = 'stored' | 'filling' | 'manifest';

/** Figures for Prometheus, under the names that dashboards for registries already know. */
@Injectable()
export class GatewayMetrics {
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

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  countSent(source: SentFrom, bytes: number): void {
    this.sent.inc({ source }, bytes);
  }

  /** Counts a request from here on; the answer counts it with its status, when its last byte went or it was cut. */
  begin(method: string, route: string): (status: number) => void {
    const started = performance.now();
    this.inFlight.inc();
    return (status) => {
      this.inFlight.dec();
      this.requests.inc({ method, route, code: status });
      this.durations.observe({ method, route }, (performance.now() - started) / 1000);
    };
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }
}
