import type { TraceParent } from './trace-parent';

/** Whose work a span is: of one who answers, of one who waits for an answer, of one who took a message or a claim. */
export type SpanRole = 'internal' | 'server' | 'client' | 'consumer';

type Attributes = Record<string, string | number | boolean | undefined>;

export interface SpanOptions {
  readonly role?: SpanRole;
  readonly attributes?: Attributes;
  /** Where the span belongs, instead of to what is done now. */
  readonly parent?: TraceParent | undefined;
  /** Begins a trace where it belongs to none, of this id where it is one; another span is not recorded then. */
  readonly begins?: boolean | string;
}

/** A span that is open. */
export interface OpenSpan {
  readonly trace: TraceParent;
  set(attributes: Attributes): void;
  /** An error marks it failed, by its code alone. */
  end(error?: unknown): void;
}

export interface Tracing {
  start(name: string, options: SpanOptions, parent: TraceParent | undefined): OpenSpan;
  /** Sends what is left. */
  close(): Promise<void>;
}
