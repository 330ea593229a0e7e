import { type Doing, doing, whileDoing } from './doing';
import type { OpenSpan } from './span';
import { formatTraceParent, parseTraceParent } from './trace-parent';
import { inSpan } from './tracing';

/** What work that was taken up belongs to, as its row or its message says. */
export interface Belonging {
  readonly operation?: string | null | undefined;
  readonly traceparent?: string | null | undefined;
}

/** The headers by which the next process learns what a request of this one belongs to. */
export function belongingHeaders(): Record<string, string> {
  const { operation, trace } = doing() ?? {};
  return {
    ...(trace === undefined ? {} : { traceparent: formatTraceParent(trace) }),
    ...(operation === undefined ? {} : { [OPERATION_HEADER]: operation }),
  };
}

const OPERATION_HEADER = 'entrepot-operation';

/** Reads `belongingHeaders`. An operation is a uuid, and anything else is nobody's. */
export function belongingOf(headers: Readonly<Record<string, string | string[] | undefined>>): Belonging {
  const { traceparent, [OPERATION_HEADER]: operation } = headers;
  return {
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
    ...(typeof operation === 'string' && /^[0-9a-f-]{36}$/.test(operation) ? { operation } : {}),
  };
}

/** Answers somebody: within a span if the question belongs to a trace. */
export function inAnswer<T>(name: string, belonging: Belonging, run: () => Promise<T>): Promise<T> {
  return belongs(belonging, () => inSpan(name, { role: 'server' }, run));
}

/** Carries out what was claimed or delivered, within a span that begins a trace where the work belongs to none. */
export function inWork<T>(
  name: string,
  belonging: Belonging,
  run: (span: OpenSpan | undefined) => Promise<T>,
): Promise<T> {
  const { operation } = belonging;
  const attributes = operation ? { 'entrepot.operation': operation } : {};
  return belongs(belonging, () => inSpan(name, { role: 'consumer', begins: true, attributes }, run));
}

function belongs<T>({ operation, traceparent }: Belonging, run: () => Promise<T>): Promise<T> {
  const trace = parseTraceParent(traceparent);
  const more: Doing = { ...(operation ? { operation } : {}), ...(trace ? { trace } : {}) };
  const isNew = trace !== undefined || Boolean(operation) || doing() !== undefined;
  return isNew ? whileDoing(more, run) : run();
}
