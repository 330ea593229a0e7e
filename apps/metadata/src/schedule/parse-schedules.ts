import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { StartFault } from '#config/start-fault';
import { type ScheduleBody, ScheduleBodySchema, ScheduleNameSchema } from '#contracts/calls/schedules';
import { plainRule } from '#oci/plain-rule';
import { escapeText } from '#oci/quote-text';
import { isRegistryError } from '#oci/registry-error';
import { firstTime } from './schedule-rows';

export interface ScheduleEntry {
  readonly body: ScheduleBody;
  /** Where its name stands in the file, from 1. */
  readonly line: number;
}

const ScheduleFileSchema = z.record(ScheduleNameSchema, ScheduleBodySchema);

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly rule: string;
}

/**
 * Reads the file of schedules, YAML or JSON: `nightly: {cron: 0 3 * * *, prune: {unused: true}}`. Throws StartFault with
 * every fault, by its line and its name.
 */
export function parseSchedules(text: string, path: string, now = new Date()): Map<string, ScheduleEntry> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken) throw inFile(path, [`line ${lines.linePos(broken.pos[0]).line}: ${firstLine(broken.message)}`]);
  const lineOf = (at: readonly PropertyKey[]) => lineIn(document, lines, at);
  const { success, data, error } = ScheduleFileSchema.safeParse(valuesOf(document, path), { error: plainRule });
  const faults = success ? timeFaults(data, now) : error.issues.flatMap(faultsOf);
  if (faults.length > 0 || !success)
    throw inFile(
      path,
      faults.map((fault) => describe(fault, lineOf(fault.path))),
    );
  return new Map(Object.entries(data).map(([name, body]) => [name, { body, line: lineOf([name]) }]));
}

/** An empty file has no schedules. Aliases that multiply are refused by the parser. */
function valuesOf(document: ReturnType<typeof parseDocument>, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw inFile(path, [`the file: ${firstLine((error as Error).message)}`]);
  }
}

/** The line of the key; where there is none (a field is missing), that of what it should be in. */
function lineIn(document: ReturnType<typeof parseDocument>, lines: LineCounter, path: readonly PropertyKey[]): number {
  let holder: unknown = document.contents;
  let line = 1;
  for (const part of path) {
    const pair = isMap(holder) ? holder.items.find(({ key }) => isScalar(key) && key.value === part) : undefined;
    if (!pair || !isScalar(pair.key)) break;
    line = lines.linePos(pair.key.range?.[0] ?? 0).line;
    holder = pair.value;
  }
  return line;
}

function timeFaults(entries: Readonly<Record<string, ScheduleBody>>, now: Date): Fault[] {
  return Object.entries(entries).flatMap(([name, body]) => {
    try {
      firstTime(body, now);
      return [];
    } catch (error) {
      if (!isRegistryError(error, 'INVALID')) throw error;
      const { field, rule } = error.detail as { field: string; rule?: string };
      return [{ path: [name, ...field.split('.')], rule: rule ?? error.message }];
    }
  });
}

function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...issue.path, key], rule: 'there is no such field here' }));
  if (issue.code === 'invalid_key') return [{ path: issue.path, rule: issue.issues[0]?.message ?? issue.message }];
  return [{ path: issue.path, rule: issue.message }];
}

const describe = ({ path, rule }: Fault, line: number) =>
  `line ${line}: ${escapeText(path.map(String).join('.')) || 'the file'}: ${rule}`;

const firstLine = (text: string) => escapeText(text.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''));

function inFile(path: string, faults: readonly string[]): StartFault {
  return new StartFault([`ENTREPOT_SCHEDULES: ${path} has faults:`, ...faults.map((fault) => `  ${fault}`)].join('\n'));
}
