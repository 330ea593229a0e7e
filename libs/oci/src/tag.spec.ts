import * as fc from 'fast-check';
import { parseTag, TagSchema } from './tag';

describe('a tag', () => {
  it.each(['latest', 'LATEST', '_x', '1', '1.2.3-rc.1', 'a'.repeat(128), `sha256-${'a'.repeat(64)}.sig`, 'v1..2--3'])(
    'is %s',
    (text) => {
      expect(parseTag(text)).toBe(text);
      expect(TagSchema.parse(text)).toBe(text);
    },
  );

  it.each([
    ['', 'must not be empty'],
    ['a'.repeat(129), 'must have at most 128 characters, not 129'],
    ['.x', 'must begin with a letter, a digit or "_"'],
    ['-x', 'must begin with a letter, a digit or "_"'],
    ['v1+build', 'may have only letters, digits, "_", "." and "-"'],
    ['a/b', 'may have only letters, digits, "_", "." and "-"'],
    ['a:b', 'may have only letters, digits, "_", "." and "-"'],
    ['latest\n', 'may have only letters, digits, "_", "." and "-"'],
    ['<img onerror>', 'may have only letters, digits, "_", "." and "-"'],
    ['caf\u00e9', 'may have only letters, digits, "_", "." and "-"'],
  ])('is not %j: %s', (text, rule) => {
    expect(() => parseTag(text)).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID', detail: { tag: text, rule } }),
    );
    expect(TagSchema.safeParse(text).success).toBe(false);
  });

  it('is never something else than its schema says', () =>
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aZ0_.-/:+ \n'), maxLength: 140 }), (text) => {
        const parsed = (() => {
          try {
            return parseTag(text);
          } catch {
            return undefined;
          }
        })();
        expect(parsed !== undefined).toBe(TagSchema.safeParse(text).success);
      }),
    ));
});
