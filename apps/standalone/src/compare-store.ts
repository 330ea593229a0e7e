import type { ListStored } from '#contracts/calls/blobs';
import type { ListObjects } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';

export type Stored = AnswerOf<typeof ListStored>['stored'][number];
export type ObjectRow = AnswerOf<typeof ListObjects>['objects'][number];

/** One thing that is not as it should be: what it is, in a line that names it. */
export type Fault = string;

/**
 * Files or keys against rows. Storage was listed before the rows were read, so a key without a row is an orphan, not
 * a newcomer; an upload may hold more bytes than are acknowledged, a finished object may not.
 */
export function compareStore(stored: readonly Stored[], rows: readonly ObjectRow[]): Fault[] {
  const byObject = new Map(rows.map((row) => [row.object, row]));
  const seen = new Map(stored.filter((each) => each.object !== null).map((each) => [each.object, each]));
  return [
    ...stored.flatMap((each) => checkStored(each, each.object === null ? undefined : byObject.get(each.object))),
    ...rows.flatMap((row) => checkRow(row, seen.get(row.object))),
  ];
}

function checkStored(stored: Stored, row: ObjectRow | undefined): Fault[] {
  if (stored.object === null) return [`orphan: ${stored.key} (${stored.bytes} bytes) belongs to no object`];
  if (!row) return [`orphan: ${stored.key} (${stored.bytes} bytes): there is no row of object ${stored.object}`];
  if (row.state !== 'live' || !stored.extents) return [];
  const named = new Set(row.extents.map((extent) => extent.key));
  return stored.extents
    .filter(({ key }) => !named.has(key))
    .map(({ key, bytes }) => `orphan: ${key} (${bytes} bytes): object ${row.object} is live and names no such extent`);
}

function checkRow(row: ObjectRow, stored: Stored | undefined): Fault[] {
  const faults =
    row.session === 'expired' ? [`session: the upload of object ${row.object} ran out and was forgotten`] : [];
  if (row.state === 'purging') return faults;
  if (row.state === 'uploading') return [...faults, ...checkExtents(row, stored)];
  return row.lost ? faults : [...faults, ...checkCover(row), ...checkSize(row, stored), ...checkExtents(row, stored)];
}

/** The extents of a finished object lie without a gap from 0 to its size. */
function checkCover(row: ObjectRow): Fault[] {
  const end = [...row.extents]
    .sort((one, other) => one.offset - other.offset)
    .reduce((reached, extent) => (extent.offset === reached ? reached + extent.length : Number.NaN), 0);
  return end === row.size ? [] : [`extents: those of object ${row.object} do not cover its ${row.size} bytes`];
}

function checkSize(row: ObjectRow, stored: Stored | undefined): Fault[] {
  if (row.size === 0) return [];
  if (!stored)
    return [`missing: the bytes of ${row.digest} (object ${row.object}, ${row.size} bytes) are not in the store`];
  if (stored.bytes === row.size) return [];
  return [`size: ${stored.key} has ${stored.bytes} bytes, its object ${row.object} has ${row.size} (${row.digest})`];
}

/** Every acknowledged extent is there with its length: by key where each has one, else within the one file. */
function checkExtents(row: ObjectRow, stored: Stored | undefined): Fault[] {
  const sizes = new Map(stored?.extents?.map(({ key, bytes }) => [key, bytes]));
  return row.extents
    .filter(({ offset, length, key }) =>
      key === null ? (stored?.bytes ?? 0) < offset + length : sizes.get(key) !== length,
    )
    .map(
      ({ offset, length }) =>
        `missing: bytes ${offset} to ${offset + length} of object ${row.object} are not in the store`,
    );
}
