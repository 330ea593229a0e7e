import { pageOf, readPattern } from './name-pattern';

describe('a pattern', () => {
  it.each([
    [undefined, '', '~', '%'],
    ['22*', '22', '22~', '22%'],
    ['v?.*-rc', 'v', 'v~', 'v_.%-rc'],
    ['exact', 'exact', 'exact~', 'exact'],
    ['a_b*', 'a_b', 'a_b~', 'a\\_b%'],
    ['***', '', '~', '%'],
  ])('%s begins with %j, ends before %j, and is LIKE %j', (pattern, start, end, like) => {
    expect(readPattern(pattern)).toEqual({ start, end, like });
  });
});

describe('a page', () => {
  const keyOf = (row: string) => row;

  it('goes on after its last row where there is one more', () => {
    expect(pageOf(['a', 'b', 'c'], { limit: 2, edge: 'z', keyOf })).toEqual({ page: ['a', 'b'], next: 'b' });
  });

  it('that is short goes on where looking ended, and is the last where all was looked at', () => {
    expect(pageOf(['a'], { limit: 2, edge: 'z', keyOf })).toEqual({ page: ['a'], next: 'z' });
    expect(pageOf([], { limit: 2, edge: null, keyOf })).toEqual({ page: [], next: null });
  });
});
