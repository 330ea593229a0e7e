/** `start` and `end` are offsets of bytes, both inclusive; `length` is their number. */
export type ByteRange =
  | { kind: 'whole' }
  | { kind: 'part'; start: number; end: number; length: number }
  | { kind: 'unsatisfiable' };

const WHOLE: ByteRange = { kind: 'whole' };
const UNSATISFIABLE: ByteRange = { kind: 'unsatisfiable' };

/**
 * Reads a Range header for one representation of `size` bytes (RFC 9110, 14.2).
 * What is no single byte range (several ranges, another unit, bad syntax) is ignored, as the RFC allows: the answer is whole.
 * A range that ends before it begins is unsatisfiable rather than ignored: the OCI conformance suite asks for 416.
 * An empty representation is always whole: no part of it can be named.
 */
export function parseByteRange(header: string | undefined, size: number): ByteRange {
  const match = /^bytes[ \t]*=[ \t]*(\d*)[ \t]*-[ \t]*(\d*)[ \t]*$/i.exec(header?.trim() ?? '');
  if (!match || size === 0) return WHOLE;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? WHOLE : part(Math.max(0, size - Number(last)), size - 1, size);
  return part(Number(first), last === '' ? size - 1 : Number(last), size);
}

/** The Content-Range of a 206, or of a 416 for what is unsatisfiable. */
export function formatContentRange(range: Exclude<ByteRange, { kind: 'whole' }>, size: number): string {
  return range.kind === 'part' ? `bytes ${range.start}-${range.end}/${size}` : `bytes */${size}`;
}

function part(start: number, last: number, size: number): ByteRange {
  const end = Math.min(last, size - 1);
  return start > end ? UNSATISFIABLE : { kind: 'part', start, end, length: end - start + 1 };
}
