import type { z } from 'zod';

type Issue = Parameters<z.core.$ZodErrorMap>[0];

const MUST_BE: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'must be a UUID',
  url: 'must be a URL',
  datetime: 'must be a time such as 2026-01-31T12:00:00Z',
};

/**
 * What a value must be, in words for whoever sent it: for `schema.safeParse(value, { error: plainRule })`, wherever a
 * person reads the message. A schema's own words go before these.
 */
export const plainRule: z.core.$ZodErrorMap = (issue) => ruleOf(issue);

function ruleOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'must be there' : `must be ${MUST_BE[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return tooSmall(issue.origin, Number(issue.minimum), issue.inclusive !== false);
    case 'too_big':
      return tooBig(issue.origin, Number(issue.maximum), issue.inclusive !== false);
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return `has fields that are not known here: ${issue.keys.join(', ')}`;
    case 'invalid_format':
      return FORMATS[issue.format] ?? 'has not the form that is wanted';
    case 'invalid_union':
      return Array.isArray(issue.options)
        ? `must be one of ${issue.options.join(', ')}`
        : 'has none of the forms that are taken';
    default:
      return 'is wrong';
  }
}

function tooSmall(origin: string, least: number, isInclusive: boolean): string {
  if (origin === 'string') return least === 1 ? 'must not be empty' : `must have at least ${least} characters`;
  if (origin === 'array') return least === 1 ? 'must not be empty' : `must have at least ${least} entries`;
  return isInclusive ? `must be ${least} or more` : `must be more than ${least}`;
}

function tooBig(origin: string, most: number, isInclusive: boolean): string {
  if (origin === 'string') return `must have at most ${most} characters`;
  if (origin === 'array') return `must have at most ${most} entries`;
  return isInclusive ? `must be ${most} or less` : `must be less than ${most}`;
}
