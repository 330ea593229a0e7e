import * as fc from 'fast-check';
import { parseStrictJson } from './strict-json';

describe('strict JSON', () => {
  it.each([
    ['{"a":1,"a":2}', '"a" twice at "a"'],
    ['{"a":1,"b":{},"a":1}', '"a" twice at "a"'],
    ['{"a":1,"\\u0061":2}', '"a" twice at "a"'],
    ['{"":1,"":2}', '"" twice at ""'],
    ['{"layers":[{},{"digest":1,"size":2,"digest":3}]}', '"digest" twice at "layers[1].digest"'],
    ['[[],[{"x":{"y":[1,2,{"z":1 , "z"\t:2}]}}]]', '"z" twice at "[1][0].x.y[2].z"'],
    ['{"__proto__":1,"__proto__":2}', '"__proto__" twice at "__proto__"'],
    ['{"\\u001b[2J":1,"\\u001b[2J":2}', '"\\u001b[2J" twice at'],
    ['{"say \\"a\\"":1,"say \\"a\\"":2}', 'twice'],
  ])('refuses the repeated key in %s', (text, message) => {
    expect(() => parseStrictJson(text)).toThrow(SyntaxError);
    expect(() => parseStrictJson(text)).toThrow(message);
  });

  it.each([
    '{"a":{"a":{"a":1}},"b":{"a":1}}',
    '[{"a":1},{"a":1}]',
    '{"a":"a","b":"a"}',
    '{"a":["a","a"],"b":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a\\\\":1,"a":2}',
    ' { "A" : 1 , "a" : 2 } ',
    '{"\\"":1,"\\\\\\"":2}',
  ])('does not take %s for a repeated key', (text) => {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  it('counts lists and objects to its depth, and never what strings hold', () => {
    const deep = (levels: number) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`;
    expect(parseStrictJson(deep(10), { maxDepth: 10 })).toEqual(JSON.parse(deep(10)));
    expect(() => parseStrictJson(deep(12), { maxDepth: 10 })).toThrow('deeper than 10 levels at offset 30');
    expect(parseStrictJson(`["${'['.repeat(99)}\\"${'{'.repeat(99)}"]`, { maxDepth: 1 })).toHaveLength(1);
    expect(() => parseStrictJson('['.repeat(4_000_000))).toThrow('deeper than 100 levels');
  });

  it.each([
    '',
    ' ',
    '{',
    '{"a":1',
    '{"a":1,}',
    "{'a':1}",
    '[1,]',
    '"',
    'nul',
    '\ufeff{}',
    '{"a" 1}',
    '{} {}',
    '01',
    'NaN',
    '"\t"',
    '[}',
    ']',
  ])('refuses %j, which is not JSON', (text) => {
    expect(() => parseStrictJson(text)).toThrow(SyntaxError);
    expect(() => parseStrictJson(text)).toThrow(/^not JSON/);
  });

  it.each(['{"password":"hunter2",}', '{"password":hunter2}', '{"password":"hunter2"'])(
    'does not quote the text that it refuses: %s',
    (text) => {
      expect(() => parseStrictJson(text)).toThrow(/^(?!.*(?:hunter|word))not JSON/);
    },
  );

  it('reads all other JSON as JSON.parse does, however it is spaced', () =>
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), fc.constantFrom(undefined, 1, '\t\n\r '), (text, spaces) => {
        const spaced = JSON.stringify(JSON.parse(text), null, spaces);
        expect(parseStrictJson(spaced)).toEqual(JSON.parse(spaced));
      }),
      { numRuns: 2000 },
    ));

  it('finds a repeated key wherever it is put, and however it is spelt', () =>
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 4 }),
        fc.string(),
        fc.json({ maxDepth: 3 }),
        fc.boolean(),
        (before, key, after, escaped) => {
          const again = escaped
            ? `"${[...Array(key.length).keys()].map((at) => `\\u${key.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
            : JSON.stringify(key);
          const text = `[${before},{${JSON.stringify(key)}:${after},"${key.length}-other":${before},${again}:1}]`;
          expect(() => parseStrictJson(text)).toThrow('twice');
        },
      ),
      { numRuns: 1000 },
    ));

  it('accepts or refuses any text as JSON.parse does, with no other error', () =>
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ 1a') }), (text) => {
        let fault: unknown;
        try {
          parseStrictJson(text);
        } catch (error) {
          fault = error;
        }
        if (fault === undefined) expect(() => JSON.parse(text)).not.toThrow();
        else expect(fault).toBeInstanceOf(SyntaxError);
      }),
      { numRuns: 2000 },
    ));

  it('reads 4 MiB in a moment, also where every character is against it', () => {
    const four = 2 ** 22;
    const many = (each: string) =>
      `[${Array(Math.floor(four / (each.length + 1)))
        .fill(each)
        .join(',')}]`;
    const keys = `{${Array.from({ length: 300_000 }, (_, at) => `"${at}":1`).join(',')}}`;
    const descriptor = `{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:${'a'.repeat(64)}","size":1}`;
    for (const text of [
      many(descriptor),
      keys,
      `"${'\\\\'.repeat(four / 2)}"`,
      many('"\\""'),
      many('[]'),
      many('{"a":1}'),
      '"'.repeat(four),
    ]) {
      const started = performance.now();
      try {
        parseStrictJson(text);
      } catch {
        // Only the time is asked for.
      }
      expect(performance.now() - started).toBeLessThan(2000);
    }
  });
});
