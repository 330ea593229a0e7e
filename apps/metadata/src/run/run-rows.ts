import type { GcRun } from '#contracts/calls/runs';

export interface RunRow {
  readonly id: string;
  readonly kind: GcRun['kind'];
  readonly state: GcRun['state'];
  readonly plan_id: string | null;
  readonly started_at: Date;
  readonly ended_at: Date | null;
  readonly seen: number;
  readonly kept: Record<string, number>;
  readonly removed: number;
  readonly removed_bytes: number;
  readonly condemned: number;
  readonly condemned_bytes: number;
  readonly purged: number;
  readonly purged_bytes: number;
  readonly errors: number;
  readonly last_error: string | null;
}

export function toRun(row: RunRow): GcRun {
  const { id, kind, state, seen, kept, removed, condemned, purged, errors } = row;
  return {
    id,
    kind,
    state,
    plan: row.plan_id,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    seen,
    kept,
    removed,
    removedBytes: row.removed_bytes,
    condemned,
    condemnedBytes: row.condemned_bytes,
    purged,
    purgedBytes: row.purged_bytes,
    errors,
    lastError: row.last_error,
  };
}
