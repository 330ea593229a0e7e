import type { ListStored } from '#contracts/calls/blobs';
import type { ListObjects } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';

export type Stored = AnswerOf<typeof ListStored>['stored'][number];
export type ObjectRow = AnswerOf<typeof ListObjects>['objects'][number];

/** One thing that is not as it should be. */
export interface Fault {
  /** What it is, in a line that names it. */
  readonly line: string;
  /** The finished object whose bytes are not what its row says: no reader may be given them. */
  readonly spoilt?: string;
  /** The object whose bytes, all or some, no row names. */
  readonly stray?: string;
}

/**
 * Files or keys against rows, one fault an object. Storage was listed before the rows were read, so a key without a row
 * is an orphan, not a newcomer; an upload may hold more bytes than are acknowledged, a finished object may not.
 */
export function compareStore(stored: readonly Stored[], rows: readonly ObjectRow[]): Fault[] {
  const byObject = new Map(rows.map((row) => [row.object, row]));
  const seen = new Map(stored.filter((each) => each.object !== null).map((each) => [each.object, each]));
  return [
    ...stored.flatMap((each) => checkStored(each, each.object === null ? undefined : byObject.get(each.object))),
    ...rows.flatMap((row) => checkRow(row, seen.get(row.object))),
  ];
}

/** One that is live or may become it again, and whose bytes are not known to be lost. */
export const isFinished = ({ state, lost }: ObjectRow): boolean => !lost && (state === 'live' || state === 'condemned');

function checkStored(stored: Stored, row: ObjectRow | undefined): Fault[] {
  if (stored.object === null) return [{ line: `orphan: ${stored.key} (${stored.bytes} bytes) belongs to no object` }];
  if (!row)
    return [
      {
        line: `orphan: ${stored.key} (${stored.bytes} bytes): there is no row of object ${stored.object}`,
        stray: stored.object,
      },
    ];
  if (row.state !== 'live' || !stored.extents) return [];
  const named = new Set(row.extents.map((extent) => extent.key));
  return stored.extents
    .filter(({ key }) => !named.has(key))
    .map(({ key, bytes }) => ({
      line: `orphan: ${key} (${bytes} bytes): object ${row.object} is live and names no such extent`,
      stray: row.object,
    }));
}

function checkRow(row: ObjectRow, stored: Stored | undefined): Fault[] {
  const forgotten =
    row.session === 'expired'
      ? [{ line: `session: the upload of object ${row.object} ran out and was forgotten` }]
      : [];
  if (row.state === 'uploading') return [...forgotten, ...checkUpload(row, stored)];
  if (!isFinished(row)) return forgotten;
  const line = checkCover(row) ?? checkBytes(row, stored) ?? checkExtents(row, stored);
  return line === undefined ? forgotten : [...forgotten, { line, spoilt: row.object }];
}

function checkUpload(row: ObjectRow, stored: Stored | undefined): Fault[] {
  const line = checkExtents(row, stored);
  return line === undefined ? [] : [{ line }];
}

/** The extents of a finished object lie without a gap from 0 to its size. */
function checkCover(row: ObjectRow): string | undefined {
  const end = [...row.extents]
    .sort((one, other) => one.offset - other.offset)
    .reduce((reached, extent) => (extent.offset === reached ? reached + extent.length : Number.NaN), 0);
  return end === row.size ? undefined : `extents: those of ${describe(row)} do not cover its ${row.size} bytes`;
}

/** Keys beside those that the row names are orphans, and leave the object whole. */
function checkBytes(row: ObjectRow, stored: Stored | undefined): string | undefined {
  if (row.size === 0) return undefined;
  if (!stored) return `missing: the bytes of ${describe(row)} are not in the store (${row.size} bytes)`;
  if (stored.extents || stored.bytes === row.size) return undefined;
  return `size: ${stored.key} has ${stored.bytes} bytes, and ${describe(row)} has ${row.size}`;
}

/** Every acknowledged extent is there with its length: by key where each has one, else within the one file. */
function checkExtents(row: ObjectRow, stored: Stored | undefined): string | undefined {
  const sizes = new Map(stored?.extents?.map(({ key, bytes }) => [key, bytes]));
  const missing = row.extents.filter(({ offset, length, key }) =>
    key === null ? (stored?.bytes ?? 0) < offset + length : sizes.get(key) !== length,
  );
  const [first] = missing;
  if (!first) return undefined;
  const found = first.key === null ? undefined : sizes.get(first.key);
  if (found !== undefined)
    return `size: ${first.key} has ${found} bytes, its extent of ${describe(row)} has ${first.length}`;
  const more = missing.length > 1 ? `, and those of ${missing.length - 1} more of its extents,` : '';
  return `missing: bytes ${first.offset} to ${first.offset + first.length} of ${describe(row)}${more} are not in the store`;
}

function describe({ object, digest }: ObjectRow): string {
  return digest === null ? `object ${object}` : `object ${object} (${digest})`;
}
