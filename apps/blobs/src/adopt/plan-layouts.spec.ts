import { inARow, planLayouts } from './plan-layouts';

const key = (offset: number, name: string) => `objects/id/${offset.toString(16).padStart(12, '0')}-${name}`;
const stored = (extents: { key: string; bytes: number }[]) => ({
  bytes: extents.reduce((sum, { bytes }) => sum + bytes, 0),
  extents,
});
const names = (layouts: { key: string | null }[][]) =>
  layouts.map((layout) => layout.map((each) => each.key!.slice(-1)));

describe('how the bytes of an object may lie', () => {
  it('in a folder: in its one file', () => {
    expect(planLayouts({ bytes: 5 })).toEqual([[{ offset: 0, length: 5, key: null }]]);
    expect(planLayouts({ bytes: 0 })).toEqual([[]]);
  });

  it('under one key, whatever its name', () => {
    expect(planLayouts(stored([{ key: 'objects/id/whole', bytes: 7 }]))).toEqual([
      [{ offset: 0, length: 7, key: 'objects/id/whole' }],
    ]);
  });

  it('in pieces by their offsets, and in each way in which they follow one another', () => {
    const pieces = [
      { key: key(16, 'c'), bytes: 4 },
      { key: key(0, 'a'), bytes: 16 },
      { key: key(0, 'b'), bytes: 20 },
      { key: key(8, 'x'), bytes: 2 },
    ];
    expect(names(planLayouts(stored(pieces)))).toEqual([['b'], ['a', 'c']]);
  });

  it('as one key beside the pieces it was made of', () => {
    const pieces = [
      { key: key(0, 'a'), bytes: 2 },
      { key: key(2, 'b'), bytes: 2 },
      { key: 'objects/id/w', bytes: 4 },
    ];
    expect(names(planLayouts(stored(pieces)))).toEqual([['w'], ['a', 'b']]);
  });

  describe('in pieces of before keys had offsets', () => {
    const at = (second: number) => new Date(second * 1000);
    const piece = (name: string, bytes: number, second: number) => ({
      key: `objects/id/${name}`,
      bytes,
      writtenAt: at(second),
    });

    it('as they were written, those of one moment with the shorter one last, or with neighbours the other way round', () => {
      const pieces = [piece('c', 4, 2), piece('a', 16, 1), piece('b', 16, 2)];
      expect(names(planLayouts(stored(pieces)))).toEqual([
        ['a', 'b', 'c'],
        ['b', 'a', 'c'],
        ['a', 'c', 'b'],
      ]);
    });

    it('and what came after these by its offset; as one key where they were made that', () => {
      const whole = { key: 'objects/id/whole', bytes: 24, writtenAt: at(9) };
      const pieces = [whole, piece('b', 4, 2), piece('a', 16, 1), { key: key(20, 'x'), bytes: 4, writtenAt: at(3) }];
      expect(names(planLayouts(stored(pieces)))).toEqual([['e'], ['a', 'b', 'x'], ['b', 'a', 'x']]);
    });

    it('in no more ways than can be read', () => {
      const pieces = Array.from({ length: 50 }, (_, n) => piece(String(n), 5, n));
      expect(planLayouts(stored(pieces))).toHaveLength(8);
    });
  });

  it('in no way where there is a gap; what is only kept lies in a row', () => {
    const pieces = [
      { key: key(0, 'a'), bytes: 2 },
      { key: key(3, 'b'), bytes: 2 },
    ];
    expect(planLayouts(stored(pieces))).toEqual([]);
    expect(inARow(pieces).map(({ offset }) => offset)).toEqual([0, 2]);
  });

  it('however many ways end in a gap, and however many pieces there are', () => {
    const twice = Array.from({ length: 200 }, (_, at) => ['a', 'b'].map((name) => ({ key: key(at, name), bytes: 1 })));
    expect(planLayouts(stored([...twice.flat(), { key: key(300, 'c'), bytes: 1 }]))).toEqual([]);
    expect(planLayouts(stored(twice.flat()))).toHaveLength(8);
    const many = Array.from({ length: 20_000 }, (_, at) => ({ key: key(at, 'a'), bytes: 1 }));
    expect(planLayouts(stored(many))[0]).toHaveLength(20_000);
  });
});
