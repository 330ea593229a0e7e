import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Call } from './define-call';
import { type Shape, shapeFaults } from './shape-faults.testing';

const FOLDER = join(__dirname, 'calls');
const PUBLISHED = join(__dirname, '..', 'published', 'calls.json');

interface Shapes {
  readonly question: Shape;
  readonly answer: Shape;
}

const isCall = (value: unknown): value is Call =>
  typeof value === 'object' && value !== null && 'question' in value && 'answer' in value;

function callsOfToday(): ReadonlyMap<string, Call> {
  const files = readdirSync(FOLDER).filter((file) => /^[\w-]+\.ts$/.test(file));
  const exported = files.flatMap((file) => Object.values(require(join(FOLDER, file)) as Record<string, unknown>));
  return new Map(exported.filter(isCall).map((call) => [call.name, call]));
}

const shapeOf = (schema: z.ZodType, io: 'input' | 'output') =>
  z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Shape;

/** Services of the version before ask those of this one while it is rolled out: whoever answers is upgraded first. */
describe('the calls of the version before', () => {
  const published = Object.entries(JSON.parse(readFileSync(PUBLISHED, 'utf8')) as Record<string, Shapes>);
  const calls = callsOfToday();

  it('are there', () => {
    expect(calls.size).toBeGreaterThan(50);
    expect(published.map(([name]) => name).filter((name) => !calls.has(name))).toEqual([]);
  });

  it('are taken as they are asked, and answered so that they are understood', () => {
    const faults = published.flatMap(([name, { question, answer }]) => {
      const call = calls.get(name);
      if (call === undefined) return [];
      return [
        ...shapeFaults(question, shapeOf(call.question, 'input'), `${name}: asked`),
        ...shapeFaults(shapeOf(call.answer, 'output'), answer, `${name}: answered`),
      ];
    });
    expect(faults).toEqual([]);
  });
});

describe('a shape that changed', () => {
  const before = z.object({
    digest: z.string().max(99),
    state: z.enum(['a', 'b']),
    note: z.string().optional(),
    list: z.array(z.object({ size: z.number() })),
    either: z.union([z.string(), z.null()]),
  });
  const faults = (now: z.ZodType, was: z.ZodType = before) =>
    shapeFaults(shapeOf(was, 'output'), shapeOf(now, 'input'), 'it');

  it('may be read where fields were added that may be left out, values were added, or limits were widened', () => {
    const now = before.extend({
      digest: z.string().max(200),
      state: z.enum(['a', 'b', 'c']),
      more: z.string().optional(),
      count: z.number().default(0),
    });
    expect(faults(now)).toEqual([]);
  });

  it.each([
    ['a field that must be given', before.extend({ more: z.string() }), 'it.more is wanted, and not always given'],
    ['a field that must be given by now', before.required(), 'it.note is wanted, and not always given'],
    ['a value less', before.extend({ state: z.enum(['a']) }), 'it.state may be "b"'],
    ['another type', before.extend({ digest: z.number() }), 'it.digest is string, and number is taken'],
    ['a narrower limit', before.extend({ digest: z.string().max(9) }), 'it.digest may be longer (maxLength)'],
    ['an alternative less', before.extend({ either: z.string() }), 'it.either is null, and string is taken'],
    ['a field that is refused', z.strictObject(before.omit({ note: true }).shape), 'it.note is not taken'],
    [
      'something further down',
      before.extend({ list: z.array(z.object({ size: z.string() })) }),
      'it.list[].size is number, and string is taken',
    ],
  ])('is not read where it has %s', (_, now, fault) => {
    expect(faults(now)).toEqual([fault]);
  });
});
