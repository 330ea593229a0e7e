import { z } from 'zod';
import { plainRule } from './plain-rule';

const ruleOf = (schema: z.ZodType, value: unknown) =>
  schema
    .safeParse(value, { error: plainRule })
    .error?.issues.map(({ message }) => message)
    .join('; ');

describe('what must be, in plain words', () => {
  test.each<[z.ZodType, unknown, string]>([
    [z.string(), undefined, 'must be there'],
    [z.string(), 7, 'must be text'],
    [z.number(), 'x', 'must be a number'],
    [z.coerce.number(), 'x', 'must be a number'],
    [z.number().int(), 1.5, 'must be a whole number'],
    [z.boolean(), 'yes', 'must be true or false'],
    [z.array(z.string()), 'x', 'must be a list'],
    [z.object({}), [], 'must be an object'],
    [z.record(z.string(), z.string()), 'x', 'must be an object'],
    [z.literal('host'), 'x', 'must be host'],
    [z.enum(['folder', 'minio']), 'disk', 'must be one of folder, minio'],
    [z.number().min(1), 0, 'must be 1 or more'],
    [z.number().gt(1), 1, 'must be more than 1'],
    [z.number().max(9), 10, 'must be 9 or less'],
    [z.number().lt(9), 9, 'must be less than 9'],
    [z.number().multipleOf(4), 3, 'must be a multiple of 4'],
    [z.string().min(1), '', 'must not be empty'],
    [z.string().min(3), 'a', 'must have at least 3 characters'],
    [z.string().max(2), 'abc', 'must have at most 2 characters'],
    [z.array(z.string()).min(1), [], 'must not be empty'],
    [z.array(z.string()).max(1), ['a', 'b'], 'must have at most 1 entries'],
    [z.strictObject({}), { a: 1, b: 2 }, 'has fields that are not known here: a, b'],
    [z.uuid(), 'x', 'must be a UUID'],
    [z.url(), 'x', 'must be a URL'],
    [z.iso.datetime(), 'x', 'must be a time such as 2026-01-31T12:00:00Z'],
    [z.string().regex(/a/), 'x', 'has not the form that is wanted'],
    [z.union([z.string(), z.number()]), true, 'has none of the forms that are taken'],
    [z.custom((value) => value === 1), 2, 'is wrong'],
  ])('%#', (schema, value, rule) => {
    expect(ruleOf(schema, value)).toBe(rule);
  });

  test("a schema's own words go before", () => {
    expect(ruleOf(z.string().regex(/a/, 'must have an a'), 'x')).toBe('must have an a');
    expect(ruleOf(z.object({ a: z.string().max(1, 'is long') }), { a: 'xx' })).toBe('is long');
  });
});
