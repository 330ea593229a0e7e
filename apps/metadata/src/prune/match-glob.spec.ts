import fc from 'fast-check';
import { matchGlob } from './match-glob';

describe('a pattern of repositories', () => {
  it.each([
    ['docker.io/library/*', 'docker.io/library/node', true],
    ['docker.io/library/*', 'docker.io/library/a/b', false],
    ['docker.io/*', 'docker.io/library/node', false],
    ['docker.io/**', 'docker.io/library/node', true],
    ['**', 'anything/at/all', true],
    ['*', 'a/b', false],
    ['team/ap?', 'team/app', true],
    ['team?app', 'team/app', false],
    ['**/node', 'docker.io/library/node', true],
    ['**/node', 'node', false],
    ['**node', 'node', true],
    ['team/app', 'team/app', true],
    ['team/app', 'team/apps', false],
    ['team.app', 'teamxapp', false],
    ['***', 'a/b', true],
  ])('%s and %s: %s', (pattern, name, fits) => {
    expect(matchGlob(pattern)(name)).toBe(fits);
  });

  it('fits the names that a regular expression of the same meaning fits', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?', '**'), maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, name, (glob, text) => {
        const meaning = glob.replace(/\*\*+|\*|\?/g, (part) => (part === '?' ? '[^/]' : part === '*' ? '[^/]*' : '.*'));
        expect(matchGlob(glob)(text)).toBe(new RegExp(`^${meaning}$`, 's').test(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no longer for one that would have others go back for ever', () => {
    const began = performance.now();
    expect(matchGlob(`${'*a'.repeat(120)}b`)('a'.repeat(255))).toBe(false);
    expect(matchGlob(`${'**a'.repeat(80)}b`)('a'.repeat(255))).toBe(false);
    expect(performance.now() - began).toBeLessThan(500);
  });
});
