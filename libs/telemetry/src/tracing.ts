import { doing, whileDoing } from './doing';
import type { OpenSpan, SpanOptions, Tracing } from './span';

/*
 * Traces by OpenTelemetry, sent by OTLP over HTTP. Its libraries are loaded only where traces are wanted; elsewhere a
 * span is the call of a function.
 */

let tracing: Tracing | null = null;

/** Whether this process sends traces. */
export function isTracing(): boolean {
  return tracing !== null;
}

/**
 * Sends traces from now on if `OTEL_EXPORTER_OTLP_ENDPOINT` is set (or the one for traces alone), as the other variables
 * of OpenTelemetry say. Gives how to send what is left and stop.
 */
export async function startTracing(
  service: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<() => Promise<void>> {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const isOff = env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none';
  if (!endpoint || isOff) return async () => {};
  // Not at the top: its libraries take a tenth of a second to load.
  const { openTracer } = require('#telemetry/tracer') as typeof import('./tracer');
  const opened = openTracer(env.OTEL_SERVICE_NAME || service);
  tracing = opened;
  return async () => {
    if (tracing === opened) tracing = null;
    await opened.close();
  };
}

/** Opens a span, to be ended by whoever opens it; undefined where none is recorded. */
export function openSpan(name: string, options: SpanOptions = {}): OpenSpan | undefined {
  if (tracing === null) return undefined;
  const parent = options.parent ?? doing()?.trace;
  if (parent === undefined && !options.begins) return undefined;
  return tracing.start(name, options, parent);
}

/** Runs within a span, which ends when what it answers has settled. */
export function inSpan<T>(
  name: string,
  options: SpanOptions,
  run: (span: OpenSpan | undefined) => Promise<T>,
): Promise<T> {
  const span = openSpan(name, options);
  return span === undefined ? run(undefined) : within(span, run);
}

async function within<T>(span: OpenSpan, run: (span: OpenSpan) => Promise<T>): Promise<T> {
  try {
    const result = await whileDoing({ ...doing(), trace: span.trace }, () => run(span));
    span.end();
    return result;
  } catch (error) {
    span.end(error ?? new Error('failed'));
    throw error;
  }
}
