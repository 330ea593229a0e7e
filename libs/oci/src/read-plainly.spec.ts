import { z } from 'zod';
import { readPlainly } from './read-plainly';

const schema = z.strictObject({
  reference: z.string().min(1),
  platforms: z.union([z.literal('host'), z.literal('all'), z.array(z.string().min(1))]).optional(),
  times: z.array(z.object({ at: z.number() })).optional(),
});

describe('reading what came from outside', () => {
  test('gives what it means', () => {
    expect(readPlainly(schema, { reference: 'a' })).toEqual({ data: { reference: 'a' } });
  });

  test.each<[unknown, string, string]>([
    ['text', '', 'must be an object'],
    [{}, 'reference', 'must be there'],
    [{ reference: '' }, 'reference', 'must not be empty'],
    [{ refrence: 'a' }, 'refrence', 'there is no such field here'],
    [{ reference: 'a', times: [{ at: 1 }, { at: 'x' }] }, 'times.1.at', 'must be a number'],
    [{ reference: 'a', platforms: 7 }, 'platforms', 'must be host, or must be all, or must be a list'],
    [{ reference: 'a', platforms: ['linux/amd64', ''] }, 'platforms.1', 'must not be empty'],
  ])('%j names the field and the rule', (value, field, rule) => {
    expect(readPlainly(schema, value)).toEqual({ fault: { field, rule } });
  });
});
