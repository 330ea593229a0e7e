import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  detectResources,
  envDetector,
  hostDetector,
  processDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, RandomIdGenerator } from '@opentelemetry/sdk-trace-base';
import type { OpenSpan, SpanRole, Tracing } from './span';
import type { TraceParent } from './trace-parent';

const KINDS: Readonly<Record<SpanRole, SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
};

/** OpenTelemetry as this process uses it: all its libraries are loaded by this file alone, and only when it is. */
export function openTracer(service: string): Tracing {
  const named = resourceFromAttributes({ 'service.name': service });
  const found = detectResources({ detectors: [hostDetector, processDetector, envDetector] });
  const ids = new WantedIds();
  const provider = new BasicTracerProvider({
    idGenerator: ids,
    resource: named.merge(found),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer('entrepot');
  return {
    start(name, { role = 'internal', attributes = {}, begins }, parent) {
      ids.wanted = typeof begins === 'string' ? begins : undefined;
      const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote(parent));
      return new RecordedSpan(tracer.startSpan(name, { kind: KINDS[role], attributes }, context));
    },
    close: () => provider.shutdown(),
  };
}

/** A trace that begins has the id that its request was given already. */
class WantedIds extends RandomIdGenerator {
  wanted: string | undefined;

  constructor() {
    super();
    const random = this.generateTraceId;
    this.generateTraceId = () => (this.wanted && TRACE_ID.test(this.wanted) ? this.wanted : random());
  }
}

const TRACE_ID = /^(?!0+$)[0-9a-f]{32}$/;

function remote({ traceId, spanId, sampled }: TraceParent) {
  return { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
}

class RecordedSpan implements OpenSpan {
  readonly trace: TraceParent;

  constructor(private readonly span: Span) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.trace = { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
  }

  set(attributes: Attributes): void {
    this.span.setAttributes(attributes);
  }

  /** What an error says to people is recorded, never its stack or its cause: they may quote what is no one else's. */
  end(error?: unknown): void {
    if (error !== undefined) {
      const { name, code } = error as { name?: unknown; code?: unknown };
      this.span.setAttribute('error.type', String(code ?? name ?? 'error'));
      this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.span.end();
  }
}
