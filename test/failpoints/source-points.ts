import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { HOUSE } from '#testing/house';

export interface SourceStep {
  readonly step: string;
  readonly file: string;
  readonly line: number;
}

const LISTER = join(HOUSE, 'scripts', 'check', 'durable-steps.mjs');

let listed: SourceStep[] | undefined;

/** Every durable step of the sources, so that a new one is found as soon as it is written. Read once: it takes seconds. */
export function sourceSteps(): SourceStep[] {
  listed ??= JSON.parse(execFileSync(process.execPath, [LISTER], { encoding: 'utf8' })) as SourceStep[];
  return listed;
}

/** Steps that no path dies at, each with its reason. One that is died at after all is a fault too. */
export const EXCEPTIONS: Readonly<Record<string, string>> = {};

/** What five processes do not pass, each with its reason. */
export const ONE_PROGRAM_ONLY: Readonly<Record<string, string>> = {
  'metadata.end-leases': 'whoever does not have the database to himself waits for the leases of the dead',
  'standalone.record-children': 'their servers are nobody’s children',
  'standalone.record-running': 'each of them is found at its own address',
  'standalone.write-format': 'they have no data folder',
  'standalone.write-secrets': 'whoever starts them gives them their secret',
};

export const sides = (step: string): string[] => [`${step}:before`, `${step}:after`];
export const stepOf = (point: string): string => point.replace(/:(before|after)$/, '');

/** What nobody died at, in lines that say what to do; and exceptions that are none. */
export function uncovered(
  steps: readonly SourceStep[],
  died: ReadonlySet<string>,
  exceptions: Readonly<Record<string, string>> = EXCEPTIONS,
): string[] {
  const missed = steps.flatMap(({ step, file, line }) => {
    const points = sides(step).filter((point) => !died.has(point));
    if (points.length === 0 || step in exceptions) return [];
    const what = `${file}:${line}: no path dies at ${points.join(' and ')}`;
    return [`${what}: have one of test/failpoints/paths pass it, or name it in EXCEPTIONS with the reason`];
  });
  const known = new Set(steps.map(({ step }) => step));
  const stale = Object.keys(exceptions).flatMap((step) => {
    if (!known.has(step)) return [`EXCEPTIONS names ${step}, and the sources have no such step`];
    if (sides(step).every((point) => died.has(point))) return [`EXCEPTIONS names ${step}, and a path dies at it`];
    return [];
  });
  return [...missed, ...stale];
}
