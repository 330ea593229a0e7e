import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { readWhenLooked } from '#telemetry/metrics';
import { Database } from '../database/database';
import {
  connections,
  connectionWaits,
  journalRows,
  operationAge,
  operations,
  outboxAge,
  outboxRows,
  purgesDue,
  reviewsDue,
  uploadSessions,
  wantedFills,
} from '../metadata-metrics';

interface Lengths {
  readonly operations: readonly { kind: string; state: string; count: number }[];
  readonly oldest: number;
  readonly fills: readonly { state: string; count: number }[];
  readonly reviews: number;
  readonly purges: number;
  readonly sessions: number;
  readonly journal: number;
  readonly outbox: number;
  readonly unpublished: number;
}

const SHOWN = [
  operations,
  operationAge,
  wantedFills,
  reviewsDue,
  purgesDue,
  uploadSessions,
  journalRows,
  outboxRows,
  outboxAge,
];

/** How much waits: read when somebody looks at the figures, by indexes, and no further than anybody wants to know. */
@Injectable()
export class QueueStore implements OnApplicationBootstrap, OnModuleDestroy {
  private forget: readonly (() => void)[] = [];

  constructor(private readonly database: Database) {}

  onApplicationBootstrap(): void {
    this.forget = [
      // Looked at before the question below takes a connection itself.
      readWhenLooked('pool', [connections, connectionWaits], () => this.showPool()),
      readWhenLooked('database', SHOWN, () => this.show()),
    ];
  }

  onModuleDestroy(): void {
    for (const each of this.forget) each();
  }

  private async show(): Promise<void> {
    const [lengths] = await this.database.read<Lengths>(LENGTHS);
    if (!lengths) return;
    // What ended since is not there any more.
    operations.reset();
    wantedFills.reset();
    for (const { kind, state, count } of lengths.operations) operations.set({ kind, state }, count);
    for (const { state, count } of lengths.fills) wantedFills.set({ state }, count);
    operationAge.set(lengths.oldest);
    reviewsDue.set(lengths.reviews);
    purgesDue.set(lengths.purges);
    uploadSessions.set(lengths.sessions);
    journalRows.set(lengths.journal);
    outboxRows.set(lengths.outbox);
    outboxAge.set(lengths.unpublished);
  }

  private showPool(): void {
    const { busy, idle, waiting } = this.database.connections();
    connections.set({ state: 'busy' }, busy);
    connections.set({ state: 'idle' }, idle);
    connectionWaits.set(waiting);
  }
}

const MOST = 10_000;
const upTo = (rows: string) => `(SELECT count(*)::int FROM (SELECT 1 FROM ${rows} LIMIT ${MOST}) AS counted)`;
const secondsSince = (time: string) =>
  `coalesce(greatest(0, extract(epoch FROM clock_timestamp() - ${time})), 0)::float`;

/** What has ended is never walked through: each part has an index of its own of what has not, which an IN would not use. */
const OPEN_OPERATIONS = `SELECT kind, state, accepted_at FROM operation WHERE state = 'accepted'
  UNION ALL SELECT kind, state, accepted_at FROM operation WHERE state = 'running'`;
const OPEN_FILLS = `SELECT state FROM fill WHERE state = 'wanted' UNION ALL SELECT state FROM fill WHERE state = 'running'`;

export const LENGTHS = `
  WITH open_operation AS MATERIALIZED (${OPEN_OPERATIONS})
  SELECT
    (SELECT coalesce(jsonb_agg(of_kind), '[]') FROM
      (SELECT kind, state, count(*)::int FROM open_operation GROUP BY kind, state) AS of_kind) AS operations,
    (SELECT ${secondsSince('min(accepted_at)')} FROM open_operation) AS oldest,
    (SELECT coalesce(jsonb_agg(in_state), '[]') FROM
      (SELECT state, count(*)::int FROM (${OPEN_FILLS}) AS open_fill GROUP BY state) AS in_state) AS fills,
    ${upTo('review WHERE due_at <= clock_timestamp()')} AS reviews,
    ${upTo(`object WHERE state = 'purging'`)} +
      ${upTo(`object WHERE state = 'condemned' AND purge_after <= clock_timestamp()`)} AS purges,
    ${upTo('upload_session')} AS sessions,
    ${upTo('journal')} AS journal,
    ${upTo('outbox')} AS outbox,
    (SELECT ${secondsSince(`min((message ->> 'time')::timestamptz)`)} FROM outbox_partition,
      LATERAL (SELECT message FROM outbox WHERE outbox.partition = outbox_partition.partition ORDER BY id LIMIT 1)
        AS first) AS unpublished`;
