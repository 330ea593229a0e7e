import type { Extent } from '#contracts/calls/sessions';
import type { StoredExtent, StoredObject } from '../driver/blob-driver';

/** Of one object; what a writer left that was overtaken may lie beside what another wrote. */
const MOST = 8;

/**
 * How the bytes of an object that no row names may lie: as one piece, or as pieces whose keys begin with their offset,
 * in every way in which they follow one another from 0 to the furthest end. The likeliest is first. Of pieces that were
 * written before keys had offsets, which are the first ones then, the order is a guess.
 */
export function planLayouts({ bytes, extents }: Pick<StoredObject, 'bytes' | 'extents'>): Extent[][] {
  if (!extents) return [bytes === 0 ? [] : [{ offset: 0, length: bytes, key: null }]];
  const unplaced = extents.filter(({ key }) => offsetOf(key) === null);
  if (extents.length === 1) return [inARow(extents)];
  const whole = unplaced.filter(({ key }) => unplaced.length === 1 || isWhole(key));
  const pieces = extents.flatMap(({ key, bytes: length }) => {
    const offset = offsetOf(key);
    return offset === null ? [] : [{ offset, length, key }];
  });
  const first = unplaced.filter((each) => !whole.includes(each));
  const chained = ordersOf(first).flatMap((order) => follow(inARow(order), pieces));
  return [...whole.map((each) => inARow([each])), ...chained].slice(0, MOST);
}

/** Whether nothing says for sure how its pieces follow one another: they are from before keys had offsets. */
export const isUnordered = ({ extents = [] }: Pick<StoredObject, 'extents'>): boolean =>
  extents.filter(({ key }) => offsetOf(key) === null && !isWhole(key)).length > 1;

/** Every piece once, one after the other: for what is nobody's and is only kept. */
export function inARow(extents: NonNullable<StoredObject['extents']>): Extent[] {
  let end = 0;
  return extents
    .filter(({ bytes }) => bytes > 0)
    .map(({ key, bytes }) => {
      const offset = end;
      end += bytes;
      return { offset, length: bytes, key };
    });
}

export const sizeOf = (layout: readonly Extent[]): number => layout.reduce((sum, { length }) => sum + length, 0);

/** What was made one key has this one. */
const isWhole = (key: string): boolean => key.endsWith('/whole');

/** Keys of extents are `objects/<id>/<offset, hexadecimal>-<random>`. */
function offsetOf(key: string): number | null {
  const [, offset] = /\/([0-9a-f]{12})-[^/]+$/.exec(key) ?? [];
  return offset === undefined ? null : Number.parseInt(offset, 16);
}

/** As they were written; what is written at once may end in any order, but is a full one each, save the last. */
function ordersOf<E extends StoredExtent>(extents: readonly E[]): E[][] {
  const timeOf = ({ writtenAt }: E) => writtenAt?.getTime() ?? 0;
  const written = [...extents].sort((one, other) => timeOf(one) - timeOf(other) || other.bytes - one.bytes);
  const swapped = written
    .slice(1, MOST)
    .map((_, at) => [...written.slice(0, at), written[at + 1]!, written[at]!, ...written.slice(at + 2)]);
  return [written, ...swapped];
}

/** What follows these pieces to the furthest end. */
function follow(before: readonly Extent[], pieces: readonly Extent[]): Extent[][] {
  if (pieces.length === 0) return before.length === 0 ? [] : [[...before]];
  const end = Math.max(...pieces.map(({ offset, length }) => offset + length));
  return chains(pieces, sizeOf(before), end).map((rest) => [...before, ...rest]);
}

/** The ways from there to the end, the furthest pieces first. None that ends in a gap is begun: there may be very many. */
function chains(pieces: readonly Extent[], from: number, end: number): Extent[][] {
  if (from === end) return [[]];
  const found: Extent[][] = [];
  const at = leadingTo(end, pieces);
  const path: Extent[] = [];
  const waiting = (at.get(from) ?? []).map((piece) => ({ piece, depth: 0 }));
  for (let next = waiting.pop(); next && found.length < MOST; next = waiting.pop()) {
    const { piece, depth } = next;
    path.splice(depth, Number.POSITIVE_INFINITY, piece);
    const to = piece.offset + piece.length;
    if (to === end) found.push([...path]);
    for (const follower of at.get(to) ?? []) waiting.push({ piece: follower, depth: depth + 1 });
  }
  return found;
}

/** By its offset each piece from which others lead on to the end; of one offset the longest last. */
function leadingTo(end: number, pieces: readonly Extent[]): Map<number, Extent[]> {
  const at = new Map<number, Extent[]>();
  const backwards = pieces
    .filter(({ length }) => length > 0)
    .sort((one, other) => other.offset - one.offset || one.length - other.length);
  for (const piece of backwards) {
    const to = piece.offset + piece.length;
    if (to === end || at.has(to)) at.set(piece.offset, [...(at.get(piece.offset) ?? []), piece]);
  }
  return at;
}
