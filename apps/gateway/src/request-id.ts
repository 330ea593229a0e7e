import type { IncomingMessage } from 'node:http';
import { newTraceId, parseTraceParent } from '#telemetry/trace-parent';

const CLIENTS_OWN = /^[\w.:/+=@-]{1,128}$/;

/** How a request is named, in its answer and in the log: as its client says (`X-Request-Id`), else by its trace. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const own = headers['x-request-id'];
  if (typeof own === 'string' && CLIENTS_OWN.test(own)) return own;
  return parseTraceParent(traceparentOf(headers))?.traceId ?? newTraceId();
}

export function traceparentOf(headers: IncomingMessage['headers']): string | undefined {
  const { traceparent } = headers;
  return typeof traceparent === 'string' ? traceparent : undefined;
}
