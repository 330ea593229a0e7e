import type { z } from 'zod';

export interface ConfigRow {
  /** Of the environment variable. */
  readonly name: string;
  /** As one would write it; undefined when there is none. */
  readonly default: string | undefined;
  readonly required: boolean;
  readonly description: string;
}

/** The settings of a schema, in its order, for the pages of the reference. */
export function describeConfig(schema: z.ZodObject): ConfigRow[] {
  return Object.entries(schema.shape).map(([name, setting]) => {
    const value = defaultOf(setting);
    const required = !setting.safeParse(undefined).success;
    return { name, default: value, required, description: setting.description ?? '' };
  });
}

/** `prefault` keeps the text that a person would write; `default` keeps what it means. */
function defaultOf(setting: z.core.$ZodType): string | undefined {
  const { def } = setting._zod;
  if ('defaultValue' in def) return String(def.defaultValue);
  if ('innerType' in def) return defaultOf(def.innerType as z.core.$ZodType);
  return undefined;
}
