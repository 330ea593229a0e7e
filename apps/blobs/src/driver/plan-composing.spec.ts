import fc from 'fast-check';
import type { Extent } from '#contracts/calls/sessions';
import { planComposing } from './plan-composing';

const MIB = 1024 * 1024;

function extentsOf(lengths: readonly number[]): Extent[] {
  let offset = 0;
  return lengths.map((length, index) => {
    offset += length;
    return { offset: offset - length, length, key: `k${index}` };
  });
}

/** Each part in MiB: `c` copied whole, `r` a range that is copied, `w` rewritten. */
const planOf = (mebibytes: readonly number[]) =>
  planComposing(extentsOf(mebibytes.map((each) => each * MIB))).map(({ start, end, copied }) => {
    const kind = copied === null ? 'w' : end - start === copied.length ? 'c' : 'r';
    return `${kind}${(end - start) / MIB}`;
  });

test.each([
  [
    [16, 16, 3],
    ['c16', 'c16', 'c3'],
  ],
  [
    [5, 5, 5],
    ['c5', 'c5', 'c5'],
  ],
  [
    [1, 2, 4, 8, 16],
    ['w7', 'c8', 'c16'],
  ],
  [[1, 1], ['w2']],
  [
    [16, 1, 16],
    ['c16', 'w5', 'r12'],
  ],
  [
    [16, 1, 6, 16],
    ['c16', 'w7', 'c16'],
  ],
  [
    [4, 4, 4, 4],
    ['w8', 'w8'],
  ],
  [
    [4, 16, 1],
    ['w5', 'r15', 'c1'],
  ],
  [
    [16, 4, 4.5],
    ['c16', 'w8.5'],
  ],
  [
    [16, 4, 2],
    ['c16', 'w6'],
  ],
])('%j become %j', (extents, parts) => expect(planOf(extents)).toEqual(parts));

test('parts are as S3 takes them, and hold every byte once', () => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 * MIB }), fc.constantFrom(5 * MIB - 1, 5 * MIB)), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(lengths, (each) => {
      const extents = extentsOf(each);
      const parts = planComposing(extents);
      let end = 0;
      for (const [index, part] of parts.entries()) {
        expect(part.start).toBe(end);
        end = part.end;
        const length = part.end - part.start;
        if (index < parts.length - 1) expect(length).toBeGreaterThanOrEqual(5 * MIB);
        if (part.copied === null) expect(length).toBeLessThan(10 * MIB);
        else {
          expect(part.start).toBeGreaterThanOrEqual(part.copied.offset);
          expect(part.end).toBeLessThanOrEqual(part.copied.offset + part.copied.length);
          if (length < part.copied.length) expect(part.copied.length).toBeGreaterThan(5 * MIB);
        }
      }
      expect(end).toBe(each.reduce((sum, length) => sum + length, 0));
      for (const extent of extents.filter(({ length }) => length >= 10 * MIB))
        expect(parts.some(({ copied }) => copied === extent)).toBe(true);
    }),
  );
});

test('of a blob of any size there are no more parts than S3 takes', () => {
  const extents = extentsOf(Array.from({ length: 20_000 }, () => 6 * MIB));
  expect(planComposing(extents).length).toBeLessThanOrEqual(10_000);
});
