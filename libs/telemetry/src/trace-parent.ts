import { randomBytes } from 'node:crypto';

/** A place in a trace (W3C Trace Context): the trace, the span that is its parent, whether it is recorded. */
export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const FORMAT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Undefined for what is no `traceparent`, as the specification has it be ignored (3.2). */
export function parseTraceParent(header: string | undefined | null): TraceParent | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] = FORMAT.exec(header ?? '') ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceParent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** Random bytes are drawn for many ids at once: one draw costs as much as a hundred of them. */
const POOL = 4096;
let pool = Buffer.alloc(0);
let used = 0;

/** A new trace's id. */
export function newTraceId(): string {
  if (used + 16 > pool.length) {
    pool = randomBytes(POOL);
    used = 0;
  }
  used += 16;
  return pool.toString('hex', used - 16, used);
}
