import type { Extent } from '#contracts/calls/sessions';
import type { StoredObject } from '../driver/blob-driver';

/** Of one object; what a writer left that was overtaken may lie beside what another wrote. */
const MOST = 8;

/**
 * How the bytes of an object that no row names may lie: as one piece, or as pieces whose keys begin with their offset,
 * in every way in which they follow one another from 0 to the furthest end. The likeliest is first.
 */
export function planLayouts({ bytes, extents }: Pick<StoredObject, 'bytes' | 'extents'>): Extent[][] {
  if (!extents) return [bytes === 0 ? [] : [{ offset: 0, length: bytes, key: null }]];
  if (extents.length === 1) return [inARow(extents)];
  const whole = extents.filter(({ key }) => offsetOf(key) === null).map((each) => inARow([each]));
  const pieces = extents.flatMap(({ key, bytes: length }) => {
    const offset = offsetOf(key);
    return offset === null ? [] : [{ offset, length, key }];
  });
  const end = Math.max(...pieces.map(({ offset, length }) => offset + length));
  return [...whole, ...chains(pieces, 0, end)].slice(0, MOST);
}

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

/** Keys of extents are `objects/<id>/<offset, hexadecimal>-<random>`. */
function offsetOf(key: string): number | null {
  const [, offset] = /\/([0-9a-f]{12})-[^/]+$/.exec(key) ?? [];
  return offset === undefined ? null : Number.parseInt(offset, 16);
}

function chains(pieces: readonly Extent[], from: number, end: number): Extent[][] {
  if (from === end) return [[]];
  const found: Extent[][] = [];
  const next = pieces.filter(({ offset, length }) => offset === from && length > 0);
  for (const piece of next.sort((one, other) => other.length - one.length)) {
    for (const rest of chains(pieces, from + piece.length, end)) {
      found.push([piece, ...rest]);
      if (found.length >= MOST) return found;
    }
  }
  return found;
}
