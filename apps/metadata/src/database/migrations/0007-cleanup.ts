import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What cleanup is going to do, what it did, and when it is to be done.
 *
 * - A plan is what a prune takes, item by item with its reason, as it stood at one moment; each item says what became
 *   of it. `operation_id` made it, `applied_by` carries it out.
 * - A run is one stretch of collecting (at most one is open) or one prune, whose operation has the same id. What it
 *   counts is written in the transactions that do it.
 * - A schedule says when an operation is accepted. Whoever moves `due_at` on accepts it in the same transaction.
 */
export class Cleanup0007 implements MigrationInterface {
  readonly name = 'Cleanup0000000000007';

  async up(queries: QueryRunner): Promise<void> {
    for (const statement of [...PLANS, ...RUNS, ...SCHEDULES]) await queries.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('what was planned would be forgotten: restore a backup instead');
  }
}

const PLANS = [
  `CREATE TABLE plan (
    id uuid PRIMARY KEY,
    principal text COLLATE "C" NOT NULL,
    operation_id uuid NOT NULL,
    applied_by uuid,
    filters jsonb NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    until timestamptz NOT NULL,
    seen bigint NOT NULL,
    kept jsonb NOT NULL,
    items bigint NOT NULL
  )`,
  'CREATE INDEX plan_made ON plan (made_at)',
  'CREATE UNIQUE INDEX plan_applied ON plan (applied_by) WHERE applied_by IS NOT NULL',
  `CREATE TABLE plan_item (
    plan_id uuid NOT NULL REFERENCES plan (id) ON DELETE CASCADE,
    repository text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    repository_id bigint NOT NULL,
    tags text[] NOT NULL,
    size bigint NOT NULL,
    used_at timestamptz NOT NULL,
    reason text NOT NULL CHECK (reason IN ('dangling', 'unused')),
    state text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'removed', 'left')),
    left_because text,
    PRIMARY KEY (plan_id, repository, digest),
    CHECK ((state = 'left') = (left_because IS NOT NULL))
  )`,
  `CREATE INDEX plan_item_open ON plan_item (plan_id, repository, digest) WHERE state = 'planned'`,
];

const RUNS = [
  `CREATE TABLE gc_run (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('collection', 'prune')),
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'completed', 'failed', 'cancelled')),
    plan_id uuid,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    active_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    seen bigint NOT NULL DEFAULT 0,
    kept jsonb NOT NULL DEFAULT '{}',
    removed bigint NOT NULL DEFAULT 0,
    condemned bigint NOT NULL DEFAULT 0,
    condemned_bytes bigint NOT NULL DEFAULT 0,
    purged bigint NOT NULL DEFAULT 0,
    purged_bytes bigint NOT NULL DEFAULT 0,
    errors bigint NOT NULL DEFAULT 0,
    last_error text,
    CHECK ((state = 'running') = (ended_at IS NULL))
  )`,
  `CREATE UNIQUE INDEX gc_run_collection ON gc_run (kind) WHERE kind = 'collection' AND ended_at IS NULL`,
  'CREATE INDEX gc_run_ended ON gc_run (ended_at) WHERE ended_at IS NOT NULL',
  'ALTER TABLE installation ADD COLUMN gc_paused_at timestamptz, ADD COLUMN gc_paused_by text COLLATE "C"',
];

const SCHEDULES = [
  `CREATE TABLE schedule (
    name text COLLATE "C" PRIMARY KEY,
    source text NOT NULL CHECK (source IN ('rest', 'configuration')),
    kind text NOT NULL CHECK (kind IN ('prune', 'collect')),
    cron text NOT NULL,
    time_zone text NOT NULL,
    body jsonb NOT NULL,
    principal text COLLATE "C" NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    due_at timestamptz,
    fired_at timestamptz,
    fired_operation uuid,
    fired_error text,
    made_at timestamptz NOT NULL DEFAULT now()
  )`,
  'CREATE INDEX schedule_due ON schedule (due_at) WHERE enabled',
];
