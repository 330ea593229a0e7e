import type { z } from 'zod';
import { plainRule } from './plain-rule';

/** Where a value is wrong, and what it must be there. The field is a path with dots, empty for the value itself. */
export interface PlainFault {
  readonly field: string;
  readonly rule: string;
}

export type PlainReading<T> =
  | { readonly data: T; readonly fault?: never }
  | { readonly data?: never; readonly fault: PlainFault };

/** What a value that came from outside means, or the first thing that is wrong with it, in words for its sender. */
export function readPlainly<T>(schema: z.ZodType<T>, value: unknown): PlainReading<T> {
  const { success, data, error } = schema.safeParse(value, { error: plainRule });
  return success ? { data } : { fault: firstFault(error.issues) };
}

/** A field that nobody knows goes first: it was most likely meant to be the one that is missing. */
function firstFault(issues: readonly z.core.$ZodIssue[]): PlainFault {
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  const field = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys')
    return { field: join(field, issue.keys[0]!), rule: 'there is no such field here' };
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return nearestFault(field, issue.errors);
  return { field, rule: issue.message };
}

/** Of several shapes that do not fit, the one whose fault lies deepest is the one that was meant. */
function nearestFault(field: string, shapes: readonly z.core.$ZodIssue[][]): PlainFault {
  const faults = shapes.map((issues) => firstFault(issues));
  const depths = shapes.map((issues) => issues[0]!.path.length);
  const deepest = Math.max(...depths);
  if (deepest === 0) return { field, rule: [...new Set(faults.map(({ rule }) => rule))].join(', or ') };
  const nearest = faults[depths.indexOf(deepest)]!;
  return { field: join(field, nearest.field), rule: nearest.rule };
}

const join = (...fields: string[]) => fields.filter((field) => field !== '').join('.');
