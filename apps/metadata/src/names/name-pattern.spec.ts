import fc from 'fast-check';
import { pageOf, readPattern } from './name-pattern';

describe('a pattern', () => {
  it.each([
    [undefined, '', '~', '^.*$'],
    ['22*', '22', '22~', '^22[^/]*$'],
    ['v?.*-rc', 'v', 'v~', '^v[^/]\\.[^/]*\\-rc$'],
    ['exact', 'exact', 'exact~', '^exact$'],
    ['a_b**', 'a_b', 'a_b~', '^a_b.*$'],
    ['a/**/b', 'a/', 'a/~', '^a\\/.*\\/b$'],
    ['*****', '', '~', '^.*$'],
  ])('%s begins with %j, ends before %j, and is %j', (pattern, start, end, regex) => {
    expect(readPattern(pattern)).toEqual({ start, end, regex });
  });

  it('has no group, no choice and no reference back, and no star of a star: nothing that a name is read twice for', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab1._-/*?'), minLength: 1, maxLength: 255 });
    fc.assert(
      fc.property(text, (pattern) => {
        const { regex } = readPattern(pattern);
        expect(regex).toMatch(/^\^(?:[a-z0-9_]|\\[./-]|\[\^\/\]\*?|\.\*)*\$$/);
        const stars = (pattern.match(/\*+/g) ?? []).length;
        expect(regex.split('*').length - 1).toBe(stars);
      }),
    );
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
