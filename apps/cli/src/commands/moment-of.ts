import { InvalidArgumentError } from 'commander';
import { parseMoment } from '../format-time';

/** A time as an option takes it. An age counts from now, as this machine's clock has it. */
export function momentOf(text: string): string {
  const at = parseMoment(text, Date.now());
  if (at === undefined) throw new InvalidArgumentError('It must be 24h or 7d, 2026-01-31, or 2026-01-31T12:00:00Z.');
  return at;
}
