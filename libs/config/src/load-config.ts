import { z } from 'zod';
import { plainRule } from '#oci/plain-rule';
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
  const result = schema.safeParse(given, { error: plainRule });
  const issues = result.success ? [] : [...result.error.issues, ...brokenRules(schema, given)];
  const faults = [
    ...new Set(issues.map((issue) => describeIssue(issue, given))),
    ...unknownNames(env, new Set([...names, ...known])),
  ];
  if (faults.length > 0 || !result.success) throw new ConfigError(faults);
  for (const value of Object.values(result.data)) Object.freeze(value);
  return Object.freeze(result.data);
}

/** A rule asked for a setting that has a fault of its own. */
class Unreadable extends Error {}

/** Rules over several settings wait until all of them are right: here they are asked as far as what they read is. */
function brokenRules(schema: z.ZodObject, given: Readonly<Record<string, unknown>>): z.core.$ZodIssue[] {
  const readable = readableSettings(schema, given);
  return (schema.def.checks ?? []).flatMap((rule) => {
    try {
      return (
        z
          .any()
          .check(rule as z.core.$ZodCheck<unknown>)
          .safeParse(readable).error?.issues ?? []
      );
    } catch (error) {
      if (error instanceof Unreadable) return [];
      throw error;
    }
  });
}

function readableSettings(schema: z.ZodObject, given: Readonly<Record<string, unknown>>): object {
  const read = Object.entries(schema.shape).map(([name, setting]) => [name, setting.safeParse(given[name])] as const);
  const results = new Map(read);
  return new Proxy(Object.fromEntries(read.map(([name, { data }]) => [name, data])), {
    get(values, name: string) {
      if (results.get(name)?.success === false) throw new Unreadable(name);
      return values[name];
    },
  });
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
