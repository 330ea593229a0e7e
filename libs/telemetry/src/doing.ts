import { AsyncLocalStorage } from 'node:async_hooks';
import { formatTraceParent, type TraceParent } from './trace-parent';

/** What a piece of work belongs to: each line of the log that it writes says so, and each request that it sends. */
export interface Doing {
  /** As the answer names it (`X-Request-Id`). */
  readonly request?: string;
  readonly operation?: string;
  readonly trace?: TraceParent;
}

/*
 * While anything is carried, every promise of the process costs more (some 5 % of a read of a manifest, on Node 20). So
 * it is carried only while there is something: a process that only serves reads, and is not traced, pays nothing.
 */
const carried = new AsyncLocalStorage<Doing>();
let holders = 0;

/** What is done here and now; undefined where that belongs to nothing. */
export function doing(): Doing | undefined {
  return carried.getStore();
}

/** The trace that is followed here and now, as a header has it; undefined where there is none. */
export function traceHeader(): string | undefined {
  const trace = doing()?.trace;
  return trace && formatTraceParent(trace);
}

/** Runs as a part of this, and of nothing that is done now, until what it answers has settled. */
export async function whileDoing<T>(what: Doing, run: () => Promise<T>): Promise<T> {
  holders += 1;
  try {
    return await carried.run(what, run);
  } finally {
    letGo();
  }
}

/** As `whileDoing`, of what ends by an event: until the function that it answers is called, once. */
export function enterDoing(what: Doing, run: () => void): () => void {
  holders += 1;
  carried.run(what, run);
  return letGo;
}

function letGo(): void {
  holders -= 1;
  if (holders === 0) carried.disable();
}
