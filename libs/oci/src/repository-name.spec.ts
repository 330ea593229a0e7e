import { parseRepositoryName, RepositoryNameSchema } from './repository-name';

describe('a repository name', () => {
  it.each([
    'a',
    'team/app',
    'docker.io/library/nginx',
    '127.0.0.1_5001/library/node',
    'foo--bar/dock__er/a.b/a_b',
    'release_2024/app',
    'blobs',
    'tags/list',
    '123/456',
    `a/${'b'.repeat(253)}`,
  ])('is %s', (text) => {
    expect(parseRepositoryName(text)).toBe(text);
    expect(RepositoryNameSchema.parse(text)).toBe(text);
  });

  it.each([
    ['', 'must not be empty'],
    ['Team/app', 'must be lowercase'],
    [`a/${'b'.repeat(254)}`, 'must have at most 255 characters, not 256'],
    ['../x', 'each component must begin and end with a letter or a digit'],
    ['a/../b', 'each component must begin and end with a letter or a digit'],
    ['_catalog', 'each component must begin and end with a letter or a digit'],
    ['a-/b', 'each component must begin and end with a letter or a digit'],
    ['/a', 'must not have an empty component: no "/" at either end and no "//"'],
    ['a/', 'must not have an empty component: no "/" at either end and no "//"'],
    ['a//b', 'must not have an empty component: no "/" at either end and no "//"'],
    ['a..b', 'letters and digits may be joined only by one ".", one or two "_", or any number of "-"'],
    ['a___b', 'letters and digits may be joined only by one ".", one or two "_", or any number of "-"'],
    ['a._b', 'letters and digits may be joined only by one ".", one or two "_", or any number of "-"'],
    ['127.0.0.1:5001/node', 'may have only a-z, 0-9, ".", "_", "-" and "/"'],
    ['%2e%2e', 'may have only a-z, 0-9, ".", "_", "-" and "/"'],
    ['a\u0000', 'may have only a-z, 0-9, ".", "_", "-" and "/"'],
    ['a\n', 'may have only a-z, 0-9, ".", "_", "-" and "/"'],
    ['caf\u00e9', 'may have only a-z, 0-9, ".", "_", "-" and "/"'],
    ['a\\b', 'may have only a-z, 0-9, ".", "_", "-" and "/"'],
  ])('is not %j: %s', (text, rule) => {
    expect(() => parseRepositoryName(text)).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID', detail: { name: text, rule } }),
    );
    expect(RepositoryNameSchema.safeParse(text).success).toBe(false);
  });

  it('is refused without delay, however long and hostile', () => {
    const started = performance.now();
    for (const text of ['-'.repeat(2e6), 'a'.repeat(2e6), `${'a-'.repeat(1e6)}!`, `${'a/'.repeat(1e6)}`]) {
      expect(() => parseRepositoryName(text)).toThrow();
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
