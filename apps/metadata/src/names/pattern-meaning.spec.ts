import fc from 'fast-check';
import { PruneFiltersSchema } from '#contracts/bodies/prune';
import { ListImages } from '#contracts/calls/images';
import { ListRepositories } from '#contracts/calls/names';
import { anImage, fetchWhole, type Metadata, openMetadata } from '../metadata.testing';
import { readPattern } from './name-pattern';

const NAMES = [
  'node',
  'team/app',
  'team/apps',
  'team/app/web',
  'teamxapp',
  'docker.io/library/node',
  'docker.io/library/a/b',
  'dockerxio/library/node',
  'quay.io/node',
];

describe('a pattern of repositories', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
    for (const name of NAMES) await fetchWhole(metadata, name, anImage());
  });
  afterAll(() => metadata?.stop());

  const found = {
    images: async (repository: string) => {
      const { images } = await metadata.images.list(ListImages.question.parse({ repository, limit: 100 }));
      return images.map((image) => image.repository);
    },
    repositories: async (pattern: string) => {
      const question = ListRepositories.question.parse({ pattern, limit: 100 });
      return (await metadata.repositoryLists.list(question)).repositories.map(({ name }) => name);
    },
    prune: async (repository: string) => {
      const filters = PruneFiltersSchema.parse({ repository, until: '0s' });
      const by = { operation: '00000000-0000-4000-8000-000000000000', principal: 'p' };
      const { plan } = await metadata.database.transaction('spec', (sql) => metadata.plans.make(sql, by, filters));
      const { items } = (await metadata.plans.read(plan.id, undefined, 100))!;
      return items.map((item) => item.repository);
    },
  };

  it.each([
    ['docker.io/library/*', ['docker.io/library/node']],
    ['docker.io/*', []],
    ['docker.io/**', ['docker.io/library/a/b', 'docker.io/library/node']],
    ['**', NAMES],
    ['*', ['node', 'teamxapp']],
    ['***', NAMES],
    ['team/ap?', ['team/app']],
    ['team?app', ['teamxapp']],
    ['**/node', ['docker.io/library/node', 'dockerxio/library/node', 'quay.io/node']],
    ['**node', ['docker.io/library/node', 'dockerxio/library/node', 'node', 'quay.io/node']],
    ['team/app', ['team/app']],
    ['team/app*', ['team/app', 'team/apps']],
    ['team/**', ['team/app', 'team/app/web', 'team/apps']],
    ['*/app*', ['team/app', 'team/apps']],
    ['-', []],
  ])('%s finds %j, in lists and in a prune alike', async (pattern, names) => {
    const expected = [...names].sort();
    expect(await found.images(pattern)).toEqual(expected);
    expect(await found.repositories(pattern)).toEqual(expected);
    expect(await found.prune(pattern)).toEqual(expected);
  });

  it('of any kind finds the same in lists and in a prune', async () => {
    const part = fc.constantFrom('*', '**', '?', '/', 'team', 'app', 'node', 'docker.io', 'library', 'o', 'a');
    const pattern = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(pattern, async (text) => {
        const images = await found.images(text);
        expect(await found.repositories(text)).toEqual(images);
        expect(await found.prune(text)).toEqual(images);
      }),
      { numRuns: 40 },
    );
  });

  it('is read by Postgres as by its meaning, letter by letter', async () => {
    const pattern = fc.string({
      unit: fc.constantFrom('a', '.', '-', '/', '*', '?', '**'),
      minLength: 1,
      maxLength: 8,
    });
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-', '/'), minLength: 1, maxLength: 8 });
    const pairs = fc.sample(fc.tuple(pattern, name), 5000);
    const rows = await metadata.database.read<{ fits: boolean }>(
      'SELECT name ~ regex AS fits FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS pair (name, regex, n) ORDER BY n',
      [pairs.map(([, text]) => text), pairs.map(([text]) => readPattern(text).regex)],
    );
    const answered = pairs.map(([text, of], at) => ({ text, of, fits: rows[at]!.fits }));
    expect(answered).toEqual(pairs.map(([text, of]) => ({ text, of, fits: fits(text, of) })));
    expect(answered.filter(({ fits }) => fits).length).toBeGreaterThan(100);
  });
});

/** The meaning, as one would say it. */
function fits(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  const [, stars = '', rest = ''] = /^(\**)(.*)$/.exec(pattern)!;
  if (stars === '') return name !== '' && takes(pattern[0]!, name[0]!) && fits(pattern.slice(1), name.slice(1));
  const most = stars.length > 1 ? name.length : `${name}/`.indexOf('/');
  return Array.from({ length: most + 1 }, (_, at) => at).some((at) => fits(rest, name.slice(at)));
}

const takes = (one: string, letter: string) => (one === '?' ? letter !== '/' : one === letter);
