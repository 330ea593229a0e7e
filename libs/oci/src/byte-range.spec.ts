import * as fc from 'fast-check';
import { formatContentRange, parseByteRange } from './byte-range';

describe('a Range header', () => {
  it.each([
    ['bytes=0-0', 10, 'bytes 0-0/10'],
    ['bytes=500-1499', 2000, 'bytes 500-1499/2000'],
    ['bytes=500-', 2000, 'bytes 500-1999/2000'],
    ['bytes=-500', 2000, 'bytes 1500-1999/2000'],
    ['bytes=-5000', 2000, 'bytes 0-1999/2000'],
    ['bytes=1000-5000', 2000, 'bytes 1000-1999/2000'],
    ['BYTES = 1 - 2 ', 3, 'bytes 1-2/3'],
    ['bytes=1-99999999999999999999999999', 3, 'bytes 1-2/3'],
  ])('%s of %d bytes is answered %s', (header, size, contentRange) => {
    const range = parseByteRange(header, size);
    expect(range.kind === 'part' && formatContentRange(range, size)).toBe(contentRange);
  });

  it.each([
    ['bytes=10-', 10],
    ['bytes=2000-5000', 2000],
    ['bytes=500-0', 2000],
    ['bytes=-0', 10],
    [`bytes=${'9'.repeat(400)}-`, 10],
  ])('%s of %d bytes is unsatisfiable', (header, size) => {
    const range = parseByteRange(header, size);
    expect(range).toEqual({ kind: 'unsatisfiable' });
    expect(range.kind === 'unsatisfiable' && formatContentRange(range, size)).toBe(`bytes */${size}`);
  });

  it.each([
    [undefined, 10],
    ['', 10],
    ['bytes=-', 10],
    ['bytes=', 10],
    ['bytes=a-b', 10],
    ['bytes=1', 10],
    ['bytes=--1', 10],
    ['bytes=+1-2', 10],
    ['lines=1-2', 10],
    ['bytes=0-1,3-4', 10],
    ['bytes=0-5', 0],
    ['bytes=-5', 0],
  ])('%s of %d bytes is ignored', (header, size) => {
    expect(parseByteRange(header, size)).toEqual({ kind: 'whole' });
  });

  const offset = fc.option(fc.nat(2000), { nil: '' });

  it('never reaches outside the bytes there are', () =>
    fc.assert(
      fc.property(offset, offset, fc.nat(1000), (first, last, size) => {
        const range = parseByteRange(`bytes=${first}-${last}`, size);
        if (range.kind !== 'part') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeLessThan(size);
        expect(range.length).toBe(range.end - range.start + 1);
        expect(range.length).toBeGreaterThan(0);
      }),
    ));
});
