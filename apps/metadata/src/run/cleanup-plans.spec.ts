import { type Metadata, openMetadata } from '../metadata.testing';
import { READ_ITEMS } from '../prune/plan.store';
import { NEXT_ITEMS } from '../prune/prune-work.store';
import { LIST_RUNS } from './run.store';

const PLAN = '00000000-0000-7000-8000-000000000001';
const FILL = `
  INSERT INTO plan (id, principal, operation_id, filters, until, seen, kept, items)
    SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'p', gen_random_uuid(), '{}', now(), 0, '{}', 0
    FROM generate_series(1, 20000) n;
  INSERT INTO plan_item (plan_id, repository, digest, repository_id, tags, size, used_at, reason)
    SELECT plan.id, 'docker.io/r' || n % 50, 'sha256:' || n, 1, '{}', 1, now(), 'dangling'
    FROM (SELECT id FROM plan ORDER BY id LIMIT 200) AS plan, generate_series(1, 200) n;
  INSERT INTO gc_run (id, kind, state, ended_at)
    SELECT gen_random_uuid(), CASE WHEN n % 2 = 0 THEN 'prune' ELSE 'collection' END, 'completed', now()
    FROM generate_series(1, 20000) n;
  INSERT INTO schedule (name, source, kind, cron, time_zone, body, principal, due_at)
    SELECT 's' || n, 'rest', 'prune', '@daily', 'UTC', '{}', 'p', now() + n * interval '1 minute'
    FROM generate_series(1, 20000) n`;

describe('a page of cleanup costs what it shows, not what there is', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
    await metadata.database.read(FILL);
    await metadata.database.read('ANALYZE');
  });
  afterAll(() => metadata?.stop());

  it.each<[string, string, unknown[]]>([
    ['of runs', LIST_RUNS, [null, PLAN, 100]],
    ['of runs of one kind', LIST_RUNS, ['prune', PLAN, 100]],
    ['of a plan', READ_ITEMS, [PLAN, 'docker.io/r1', 'sha256:1', 100]],
    ['of what a prune has still to do', NEXT_ITEMS, [PLAN, 50]],
    ['of schedules', 'SELECT * FROM schedule WHERE name > $1 ORDER BY name LIMIT $2', ['s1', 100]],
    [
      'of schedules that are due',
      'SELECT * FROM schedule WHERE enabled AND due_at <= clock_timestamp() ORDER BY due_at LIMIT $1',
      [20],
    ],
    ['of the run that is under way', `SELECT * FROM gc_run WHERE kind = 'collection' AND ended_at IS NULL`, []],
    ['of the plan that an operation carries out', 'SELECT * FROM plan WHERE applied_by = $1', [PLAN]],
  ])('%s', async (_name, text, params) => {
    const rows = await metadata.database.read<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, params);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).not.toMatch(/Seq Scan on (plan|plan_item|gc_run|schedule)\b/);
    expect(plan).not.toMatch(/^\s*(->)?\s*Sort\b/m);
  });
});
