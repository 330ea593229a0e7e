import type { FactBounds, FactLog } from '#messaging/fact-log';
import type { FactCursor } from './fact-tail';

/**
 * Where a listener who was at `before` goes on: there, unless the stream is another one, or an older copy of itself was
 * put in its place: then at the first fact that came later than what he heard last. A copy has the old one's name, and
 * gives the same sequences to other facts; so it is looked whether the fact at that place came when his did.
 */
export async function placeInStream(facts: FactLog, before: FactCursor, bounds: FactBounds): Promise<FactCursor> {
  const { stream, first, last, lastAt } = bounds;
  if (stream !== before.stream) return { stream, after: first - 1, at: null };
  if (await isThere(facts, before, bounds)) return before;
  const next = before.at === null ? null : await facts.firstSince(before.at + 1);
  return next === null ? { stream, after: last, at: lastAt } : { stream, after: next - 1, at: null };
}

async function isThere(
  facts: FactLog,
  { after, at }: FactCursor,
  { first, last, firstAt }: FactBounds,
): Promise<boolean> {
  if (after > last) return false;
  if (at === null || after === 0) return true;
  // It is kept no more: all that are came later.
  if (after < first) return firstAt === null || at <= firstAt;
  const [fact] = await facts.read(after - 1, 1);
  return fact?.sequence !== after || fact.at === at;
}
