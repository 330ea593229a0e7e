import { ConfigError } from './load-config';

/** Reads settings one after the other; throws one ConfigError with the faults of all. */
export function readAll<Reads extends readonly (() => unknown)[]>(
  reads: readonly [...Reads],
): { [Key in keyof Reads]: ReturnType<Reads[Key]> } {
  const faults = new Set<string>();
  const values = reads.map((read) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const fault of error.faults) faults.add(fault);
      return undefined;
    }
  });
  if (faults.size > 0) throw new ConfigError([...faults]);
  return values as { [Key in keyof Reads]: ReturnType<Reads[Key]> };
}
