import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/*
 * The figures of this process, for Prometheus. Each is defined once, beside what it counts. Labels have few values, and
 * never one that a client can invent: no repository, no digest, no host of an upstream.
 */
const registry = new Registry();
registry.setContentType(Registry.PROMETHEUS_CONTENT_TYPE);

export type { Counter, Gauge, Histogram };

/** The media type of `metricsText`. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** From a read of memory to one that an upstream's answer is waited for, in seconds. */
export const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120, 600];

/** Those without labels. */
const plain = new WeakSet<Gauge<string>>();

export function counter<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) {
  return new Counter<Label>({ name, help, labelNames, registers: [registry] });
}

export function gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) {
  const made = new Gauge<Label>({ name, help, labelNames, registers: [registry] });
  if (labelNames.length === 0) plain.add(made as Gauge<string>);
  return made;
}

/** Of times, in seconds. */
export function histogram<Label extends string>(
  name: string,
  help: string,
  labelNames: readonly Label[] = [],
  buckets: readonly number[] = SECONDS,
) {
  return new Histogram<Label>({ name, help, labelNames, buckets: [...buckets], registers: [registry] });
}

interface Source {
  readonly name: string;
  readonly shown: readonly Gauge<string>[];
  readonly read: () => Promise<void> | void;
  /** What was begun and has not ended: it is not begun again before. */
  late: boolean;
}

const sources = new Set<Source>();
/** Whoever looks again within this time is shown what was read then: looking costs the database next to nothing. */
const SAME_FOR_MS = 1_000;
/** Prometheus gives up after ten seconds; what does not answer sooner is away. */
const READ_WITHIN_MS = 3_000;

const answered = gauge(
  'entrepot_scrape_source_up',
  'Whether what the figures of this source are read from answered: 1, or 0 and those figures are left out',
  ['source'],
);

let ownFigures = false;
let last: { readonly at: number; readonly read: Promise<unknown> } | undefined;

/** Gauges that are read when somebody looks. Those of a source that does not answer are left out. Gives how to stop. */
export function readWhenLooked(name: string, shown: readonly Gauge<string>[], read: Source['read']): () => void {
  const source = { name, shown, read, late: false };
  sources.add(source);
  last = undefined;
  return () => {
    sources.delete(source);
    leaveOut(shown);
    answered.remove({ source: name });
  };
}

/** All figures of this process, in Prometheus' text format. */
export async function metricsText(now: number = performance.now()): Promise<string> {
  if (last === undefined || now - last.at >= SAME_FOR_MS) last = { at: now, read: readSources() };
  await last.read;
  return registry.metrics();
}

/** What is known of this process itself: memory, processor time, the delay of its event loop, its collector of garbage. */
export function watchProcess(): void {
  if (ownFigures) return;
  ownFigures = true;
  collectDefaultMetrics({ register: registry });
}

export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Every figure that is defined in what this process has loaded. */
export function describeMetrics(): MetricDescription[] {
  const defined = registry.getMetricsAsArray() as unknown as {
    name: string;
    help: string;
    type: string;
    labelNames?: readonly string[];
  }[];
  return defined.map(({ name, help, type, labelNames = [] }) => ({ name, help, type, labels: [...labelNames] }));
}

function readSources(): Promise<unknown> {
  return Promise.all([...sources].map(readSource));
}

function leaveOut(shown: Source['shown']): void {
  // A reset one without labels would be shown as 0, which says something.
  for (const each of shown) plain.has(each) ? each.remove() : each.reset();
}

async function readSource(source: Source): Promise<void> {
  const { name, shown } = source;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('late')), READ_WITHIN_MS);
  });
  try {
    await Promise.race([readOnce(source), late]);
    answered.set({ source: name }, 1);
  } catch {
    leaveOut(shown);
    answered.set({ source: name }, 0);
  } finally {
    clearTimeout(timer);
  }
}

/** One that was given up sets its figures when it ends all the same: they are of then, and are left out again. */
async function readOnce(source: Source): Promise<void> {
  if (source.late) throw new Error('the last one has not ended');
  source.late = true;
  const began = performance.now();
  try {
    await source.read();
  } finally {
    source.late = false;
    if (performance.now() - began >= READ_WITHIN_MS) leaveOut(source.shown);
  }
}
