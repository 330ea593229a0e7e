import type { Operation, OperationError } from '#contracts/operation';
import type { Sql } from '../database/database';

export type OperationProgress = Pick<Operation, 'bytesDone' | 'bytesTotal' | 'layers'>;

export const NO_PROGRESS: OperationProgress = { bytesDone: 0, bytesTotal: 0, layers: [] };

export interface LayerRow {
  readonly operation_id: string;
  readonly digest: Operation['layers'][number]['digest'];
  readonly size: number;
  readonly done: number;
  readonly state: Operation['layers'][number]['state'];
  /** Of a fill that failed, at its last attempt or for good. */
  readonly error: OperationError | null;
}

/**
 * Every blob of every manifest of these operations ($1), once each. Here means readable in the operation's repository:
 * a right to it, its bytes, and these not lost. Asked of the rows that the work itself writes, so that nobody keeps
 * it up to date.
 */
const WANTED = `
  wanted AS (
    SELECT *, stored IS NOT NULL AND stored = size AS here, stored IS NOT NULL AND stored <> size AS other
    FROM found
  )`;

/** `stored`: the size of the bytes that are here. A manifest that says another one is never whole. */
const FOUND = `
  found AS (
    SELECT DISTINCT ON (om.operation_id, mb.digest) om.operation_id, mb.digest, mb.size, mb.position,
      rm.upstream, rm.credential,
      (SELECT blob.size FROM repository_blob given
        JOIN blob ON blob.digest = given.digest
        JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
        WHERE given.repository_id = om.repository_id AND given.digest = mb.digest LIMIT 1) AS stored
    FROM operation_manifest om
    JOIN manifest_blob mb ON mb.manifest = om.digest AND mb.required
    LEFT JOIN repository_manifest rm ON rm.repository_id = om.repository_id AND rm.digest = om.digest
    WHERE om.operation_id = ANY($1::uuid[])
    ORDER BY om.operation_id, mb.digest, mb.position
  )`;

/** What brings it: the fill that runs or is wanted, else the last one that failed. */
const LAYERS = `
  WITH ${FOUND}, ${WANTED}
  SELECT w.operation_id, w.digest, w.size,
    CASE WHEN w.other THEN jsonb_build_object('code', 'SIZE_INVALID', 'message', format(
      'the manifest says that %s has %s bytes, and it has %s: its registry is at fault', w.digest, w.size, w.stored))
      ELSE f.error END AS error,
    CASE WHEN w.here THEN w.size ELSE LEAST(w.size, COALESCE(b.stored, 0)) END AS done,
    CASE WHEN w.here THEN 'held' WHEN w.other THEN 'failed' WHEN f.state = 'running' THEN 'filling' WHEN f.state = 'failed' THEN 'failed'
      ELSE 'waiting' END AS state
  FROM wanted w
  LEFT JOIN LATERAL (
    SELECT state, session_id, error FROM fill WHERE NOT w.here AND fill.digest = w.digest
      AND fill.upstream = w.upstream AND fill.credential = w.credential AND state IN ('wanted', 'running')
    UNION ALL
    (SELECT state, NULL, error FROM fill WHERE NOT w.here AND fill.digest = w.digest
      AND fill.upstream = w.upstream AND fill.credential = w.credential AND ended_at IS NOT NULL
      ORDER BY ended_at DESC LIMIT 1)
    LIMIT 1
  ) f ON true
  LEFT JOIN LATERAL (
    SELECT sum(e.length)::bigint AS stored FROM upload_session s JOIN extent e ON e.object_id = s.object_id
    WHERE s.id = f.session_id
  ) b ON true
  ORDER BY w.operation_id, w.position, w.digest`;

/** How many blobs of an operation are not here. */
export async function countMissing(sql: Sql, id: string): Promise<number> {
  const [row] = await sql.query<{ missing: number }>(
    `WITH ${FOUND}, ${WANTED} SELECT count(*)::int AS missing FROM wanted WHERE NOT here`,
    [[id]],
  );
  return row!.missing;
}

export function readLayers(read: Sql['query'], ids: readonly string[]): Promise<LayerRow[]> {
  return read<LayerRow>(LAYERS, [ids]);
}

/** How far each of these operations is, in bytes; an operation without manifests is left out. */
export async function readProgress(
  read: Sql['query'],
  ids: readonly string[],
): Promise<Map<string, OperationProgress>> {
  const progress = new Map<string, { bytesDone: number; bytesTotal: number; layers: Operation['layers'] }>();
  for (const { operation_id, digest, size, done, state } of await readLayers(read, ids)) {
    const sum = progress.get(operation_id) ?? { bytesDone: 0, bytesTotal: 0, layers: [] };
    sum.bytesDone += done;
    sum.bytesTotal += size;
    sum.layers.push({ digest, size, done, state });
    progress.set(operation_id, sum);
  }
  return progress;
}
