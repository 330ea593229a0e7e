import { formatRate, formatSize } from './format-size';
import { formatDuration } from './format-time';
import { plain } from './plain';
import type { SeenOperation } from './seen-operation';

/** Of the whole, and of each layer by its digest, in bytes a second. */
export interface Rates {
  readonly whole: number | undefined;
  readonly layers: ReadonlyMap<string, number | undefined>;
}

type Layer = SeenOperation['layers'][number];

const BAR = 20;
const ORDER = { filling: 0, failed: 1, waiting: 2, held: 3 };

/** An operation under way as lines that fit a terminal: the whole, then the layers that still move. */
export function drawProgress(operation: SeenOperation, rates: Rates, columns: number, rows: number): string[] {
  const layers = operation.layers
    .filter(({ state, done, size }) => state !== 'held' && done <= size)
    .sort((one, other) => ORDER[one.state] - ORDER[other.state]);
  const room = Math.max(0, Math.min(layers.length, rows - 4));
  const left = layers.length - room;
  return [
    wholeLine(operation, rates.whole),
    ...layers.slice(0, room).map((layer) => layerLine(layer, rates.layers.get(layer.digest))),
    ...(left > 0 ? [`  … and ${left} more`] : []),
  ].map((line) => [...plain(line)].slice(0, Math.max(10, columns - 1)).join(''));
}

function wholeLine(
  { kind, body, state, bytesDone, bytesTotal, layers }: SeenOperation,
  rate: number | undefined,
): string {
  const name = `${kind} ${String(body.reference ?? body.image ?? '')}`.trim();
  if (bytesTotal === 0) return `${name}: ${state}`;
  const held = layers.filter((layer) => layer.state === 'held').length;
  return `${name}: ${held} of ${layers.length} blobs, ${amount(bytesDone, bytesTotal, rate)}`;
}

function layerLine({ digest, state, done, size }: Layer, rate: number | undefined): string {
  const id = digest.replace(/^[a-z0-9]+:/, '').slice(0, 12);
  if (state !== 'filling') return `  ${id}  ${state}, ${formatSize(size)}`;
  const full = size === 0 ? BAR : Math.floor((BAR * done) / size);
  return `  ${id}  [${'='.repeat(full).padEnd(BAR)}]  ${amount(done, size, rate)}`;
}

/** `12.3 MB of 45.6 MB, 9.80 MB/s, 4 s left`: as much of it as is known. */
function amount(done: number, total: number, rate: number | undefined): string {
  const bytes = `${formatSize(done)} of ${formatSize(total)}`;
  if (rate === undefined || done >= total) return bytes;
  if (rate < 1) return `${bytes}, waiting`;
  return `${bytes}, ${formatRate(rate)}, ${formatDuration((total - done) / rate)} left`;
}
