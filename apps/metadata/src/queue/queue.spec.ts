import { metricsText } from '#telemetry/metrics';
import { type Metadata, openMetadata } from '../metadata.testing';
import { LENGTHS, QueueStore } from './queue.store';

/** A figure as it is shown, by its name and labels; undefined where it is left out. */
async function shown(figure: string): Promise<number | undefined> {
  // Later each time: what was read a moment ago is not read again.
  moment += 10_000;
  const line = (await metricsText(moment)).split('\n').find((each) => each.startsWith(`${figure} `));
  return line === undefined ? undefined : Number(line.slice(figure.length));
}
let moment = 0;

describe('what waits', () => {
  let metadata: Metadata;
  let queue: QueueStore;
  beforeAll(async () => {
    metadata = await openMetadata();
    queue = new QueueStore(metadata.database);
    queue.onApplicationBootstrap();
  });
  afterAll(async () => {
    queue?.onModuleDestroy();
    await metadata?.stop();
  });
  beforeEach(() => metadata.database.read('TRUNCATE operation, outbox, review CASCADE'));

  const add = (kind: string, state: string, secondsAgo: number) =>
    metadata.database.read(
      `INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state, accepted_at, error, ended_at)
       VALUES (gen_random_uuid(), 'anonymous', gen_random_uuid()::text, '', $1, '{}', $2,
         clock_timestamp() - $3 * interval '1 s', CASE WHEN $2 = 'failed' THEN '{}'::jsonb END,
         CASE WHEN $2 = 'failed' THEN clock_timestamp() END)`,
      [kind, state, secondsAgo],
    );

  it('is shown by kind and state, and what has ended is not', async () => {
    await add('pull', 'accepted', 100);
    await add('pull', 'accepted', 1);
    await add('remove', 'running', 5);
    await add('pull', 'failed', 9_000);
    expect(await shown('entrepot_operations{kind="pull",state="accepted"}')).toBe(2);
    expect(await shown('entrepot_operations{kind="remove",state="running"}')).toBe(1);
    expect(await shown('entrepot_operations{kind="pull",state="failed"}')).toBeUndefined();
    const oldest = (await shown('entrepot_operation_oldest_seconds'))!;
    expect(oldest).toBeGreaterThanOrEqual(100);
    expect(oldest).toBeLessThan(1000);
    await metadata.database.read('TRUNCATE operation CASCADE');
    expect(await shown('entrepot_operations{kind="pull",state="accepted"}')).toBeUndefined();
    expect(await shown('entrepot_operation_oldest_seconds')).toBe(0);
  });

  it('of facts is shown with the age of the oldest in any partition', async () => {
    await metadata.database.read(
      `INSERT INTO outbox (partition, subject, message, message_id)
       SELECT partition, 'entrepot.fact.x', jsonb_build_object('time', clock_timestamp() - partition * interval '100 s'), 'x'
       FROM generate_series(0, 7) AS partition`,
    );
    expect(await shown('entrepot_outbox_rows')).toBe(8);
    const oldest = (await shown('entrepot_outbox_oldest_seconds'))!;
    expect(oldest).toBeGreaterThanOrEqual(700);
    expect(oldest).toBeLessThan(2000);
  });

  it('of reviews is shown when they are due', async () => {
    await metadata.database.read(
      `INSERT INTO review (kind, digest, due_at) VALUES ('blob', 'one', now() - interval '1 s'), ('blob', 'two', now() + interval '1 h')`,
    );
    expect(await shown('entrepot_reviews_due')).toBe(1);
  });

  it('for a connection is shown beside those that there are', async () => {
    await metadata.database.read('SELECT 1');
    const busy = (await shown('entrepot_database_connections{state="busy"}'))!;
    const idle = (await shown('entrepot_database_connections{state="idle"}'))!;
    expect(busy + idle).toBeGreaterThan(0);
    expect(await shown('entrepot_database_waiting')).toBe(0);
  });

  it('walks through no operation that has ended', async () => {
    const plan = await metadata.database.snapshot(async (sql) => {
      await sql.query('SET LOCAL enable_seqscan = off');
      return sql.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${LENGTHS}`);
    });
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    const indexes = [...text.matchAll(/(?:using|Bitmap Index Scan on) ((?:operation|fill)_\w+)/g)].map(
      ([, index]) => index,
    );
    expect(indexes.length).toBeGreaterThan(3);
    // Those of what has not ended.
    for (const index of indexes) expect(index).toMatch(/^(operation_(due|lease)|fill_(due|lease|turn|worker))$/);
    expect(text).not.toMatch(/Seq Scan on (operation|fill|review|object|outbox)\b/);
  });

  it('is left out while Postgres is away, and that is shown', async () => {
    await metadata.postgres.kill();
    expect(await shown('entrepot_scrape_source_up{source="database"}')).toBe(0);
    expect(await shown('entrepot_outbox_rows')).toBeUndefined();
    await metadata.postgres.start();
    await metadata.database.read('SELECT 1');
    expect(await shown('entrepot_scrape_source_up{source="database"}')).toBe(1);
    expect(await shown('entrepot_outbox_rows')).toBe(0);
  });
});
