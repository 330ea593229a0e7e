import type { ContainerReportBody, ReportRefusal } from '#contracts/bodies/container-report';
import { conflict, denied } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { REPORTER_ENDS } from './end-reporters';

interface ReporterRow {
  readonly principal: string;
  readonly holder: string;
  readonly sequence: number | null;
  readonly lasts: boolean;
  readonly leased_until: Date;
}

export interface ClaimedReporter {
  /** Until when its lease lasts. */
  readonly leasedUntil: Date;
  /** Of its newest report that said one. */
  readonly sequence: number | null;
}

/**
 * Locks a reporter, which is new or this one's own, and begins its lease anew. A set is its
 * holder's while its lease lasts: throws DENIED for somebody else's, CONFLICT for another holder of the same name, and,
 * whether the lease lasts or not, for a report of the same holder that is older than the last one.
 */
export async function claimReporter(
  sql: Sql,
  { reporter: name, holder, sequence, leaseSeconds }: ContainerReportBody,
  principal: string,
): Promise<ClaimedReporter> {
  const before = await lockReporter(sql, name);
  if (before) refuseOthers(name, before, { principal, holder, sequence });
  const [row] = await sql.query<ClaimedReporter>(
    `INSERT INTO reporter (name, principal, holder, sequence, lease_ms, reported_at, leased_until)
      SELECT $1, $2, $3, $4::bigint, $5::bigint, now.at, now.at + $5::bigint * interval '1 millisecond' FROM (SELECT clock_timestamp() AS at) AS now
      ON CONFLICT (name) DO UPDATE SET principal = EXCLUDED.principal, holder = EXCLUDED.holder,
        sequence = CASE WHEN (reporter.principal, reporter.holder) = (EXCLUDED.principal, EXCLUDED.holder)
          THEN coalesce(EXCLUDED.sequence, reporter.sequence)
          ELSE EXCLUDED.sequence END,
        lease_ms = EXCLUDED.lease_ms, reported_at = EXCLUDED.reported_at, leased_until = EXCLUDED.leased_until
      RETURNING leased_until AS "leasedUntil", sequence`,
    [name, principal, holder, sequence ?? null, leaseSeconds * 1000],
  );
  return row!;
}

/** Two who begin the same name wait for each other here. */
async function lockReporter(sql: Sql, name: string): Promise<ReporterRow | undefined> {
  await sql.query(`SELECT pg_advisory_xact_lock(hashtextextended('reporter:' || $1, 0))`, [name]);
  const [row] = await sql.query<ReporterRow>(
    `SELECT principal, holder, sequence, leased_until, ${REPORTER_ENDS} > now() AS lasts FROM reporter
      WHERE name = $1 FOR UPDATE`,
    [name],
  );
  return row;
}

function refuseOthers(
  name: string,
  before: ReporterRow,
  asked: { principal: string; holder: string; sequence: number | undefined },
): void {
  const leasedUntil = before.leased_until.toISOString();
  const about = (reason: ReportRefusal['reason']): ReportRefusal => ({
    ...{ reporter: name, reason, leasedUntil, sequence: before.sequence },
  });
  const isOther = before.principal !== asked.principal || before.holder !== asked.holder;
  if (isOther && !before.lasts) return;
  if (before.principal !== asked.principal)
    throw denied(`reporter ${name} is another caller's until ${leasedUntil}`, about('another-caller'));
  if (before.holder !== asked.holder) {
    throw conflict(
      `another one reports as ${name}, and holds that until ${leasedUntil}: report under a name of your own`,
      about('another-holder'),
    );
  }
  if (asked.sequence === undefined || before.sequence === null || asked.sequence > before.sequence) return;
  throw conflict(
    `report ${asked.sequence} of ${name} is not newer than ${before.sequence}, which came before it`,
    about('stale'),
  );
}
