import type { Extent } from '#contracts/calls/sessions';
import { byOffset, coveredUntil, extentAt, mustCover } from './extent-coverage';

const extent = (offset: number, length: number): Extent => ({ offset, length, key: null });

describe('what extents cover', () => {
  const extents = [extent(0, 10), extent(10, 5), extent(20, 5), extent(25, 1)];

  test.each([
    [0, 15],
    [9, 15],
    [14, 15],
    [15, 15],
    [19, 19],
    [20, 26],
    [25, 26],
    [26, 26],
  ])('from %d on it reaches to %d', (position, end) => {
    expect(coveredUntil(extents, position)).toBe(end);
  });

  test('the extent of a position', () => {
    expect([0, 9, 10, 15, 24, 25, 26].map((position) => extentAt(extents, position))).toEqual([0, 0, 1, -1, 2, 3, -1]);
    expect(extentAt([], 0)).toBe(-1);
  });

  test('a gap is missing bytes, an empty stretch needs none', () => {
    mustCover(extents, { start: 3, end: 15 });
    mustCover([], { start: 0, end: 0 });
    expect(() => mustCover(extents, { start: 3, end: 16 })).toThrow('no extent holds byte 15');
    expect(() => mustCover([], { start: 0, end: 1 })).toThrow('no extent holds byte 0');
  });

  test('rows come in any order', () => {
    expect(byOffset([...extents].reverse())).toEqual(extents);
  });
});
