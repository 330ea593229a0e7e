import type { z } from 'zod';
import { nearestName } from './nearest-name';
import { StartFault } from './start-fault';

/** Everything that is wrong with the settings, a line each. Values of settings with passwords in them are not shown. */
export class ConfigError extends StartFault {
  override name = 'ConfigError';

  constructor(readonly faults: readonly string[]) {
    super(['The settings cannot be used:', ...faults.map((fault) => `  ${fault}`)].join('\n'));
  }
}

const OUR_NAMES = /^ENTREPOT_/;

/**
 * Reads one app's settings: each key of the schema is an environment variable, and an empty one counts as not set.
 * A variable of ours that nobody knows is a fault too, for a misspelt setting would silently not be set; several apps
 * may share an environment, so `known` names the settings of all of them. Throws ConfigError with every fault there is.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  env: Readonly<Record<string, string | undefined>>,
  known: Iterable<string> = [],
): Readonly<z.output<z.ZodObject<Shape>>> {
  const names = Object.keys(schema.shape);
  const given = Object.fromEntries(names.filter((name) => env[name]).map((name) => [name, env[name]]));
  const result = schema.safeParse(given);
  const faults = [
    ...(result.error?.issues ?? []).map((issue) => describeIssue(issue, given)),
    ...unknownNames(env, new Set([...names, ...known])),
  ];
  if (faults.length > 0 || !result.success) throw new ConfigError(faults);
  for (const value of Object.values(result.data)) Object.freeze(value);
  return Object.freeze(result.data);
}

function describeIssue(issue: z.core.$ZodIssue, given: object): string {
  const name = issue.path.join('.');
  // A rule over several settings may have its own word about one that is not set.
  const missing = issue.code !== 'custom' && !(name in given);
  return `${name || 'together'}: ${missing ? 'must be set' : issue.message}`;
}

function unknownNames(env: Readonly<Record<string, string | undefined>>, known: ReadonlySet<string>): string[] {
  const strangers = Object.keys(env).filter((name) => OUR_NAMES.test(name) && !known.has(name));
  return strangers.sort().map((name) => {
    const near = nearestName(name, known);
    return `${name}: no such setting${near ? `; did you mean ${near}?` : ''}`;
  });
}
