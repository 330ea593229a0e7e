import { Injectable } from '@nestjs/common';
import { MOST_REPOSITORIES, MOST_ROOTS, type Why } from '#contracts/calls/why';
import { type Digest, isDigest } from '#oci/digest';
import { isRegistryError } from '#oci/registry-error';
import { Database, type Sql } from '../database/database';
import { type HeldImage, ImageNameStore, MOST_HOLDERS } from '../image/image-name.store';
import { inMs } from '../review/keep-reasons';
import { type CollectingWindow, collectsFrom } from '../schedule/collecting-times';
import { BlobReasonsStore, type Moment } from './blob-reasons.store';
import { ImageReasonsStore, latest, type Reasons, toTime } from './image-reasons.store';

type Reading = Pick<Sql, 'query'>;

/** Why something is kept, or when it goes: one moment's answer, for the reasons by which reviews decide. */
@Injectable()
export class WhyStore {
  constructor(
    private readonly database: Database,
    private readonly names: ImageNameStore,
    private readonly images: ImageReasonsStore,
    private readonly blobs: BlobReasonsStore,
  ) {}

  /** Throws INVALID, NOT_FOUND, CONFLICT for the beginning of several ids. */
  explain(reference: string): Promise<Why> {
    return this.database.snapshot(async (sql) => {
      const moment = await readMoment(sql);
      const held = await this.findImages(sql, reference);
      if (held === null) return this.blobs.read(sql, reference as Digest, moment);
      const reasons: Reasons[] = [];
      for (const image of held) reasons.push(await this.images.read(sql, image));
      return explainImage(held, reasons, moment);
    });
  }

  /** Null where it can only be a blob. */
  private async findImages(sql: Reading, reference: string): Promise<readonly HeldImage[] | null> {
    try {
      const { others, tag: _, ...first } = await this.names.find(sql, reference);
      return [first, ...others];
    } catch (error) {
      if (isDigest(reference) && isRegistryError(error, 'NOT_FOUND')) return null;
      throw error;
    }
  }
}

/** In several repositories it goes with the last of them: nobody knows when where these are more than were looked at. */
function explainImage(held: readonly HeldImage[], reasons: readonly Reasons[], moment: Moment): Why {
  const roots = reasons.flatMap((each) => each.roots).sort(byEnd);
  const unlooked = held.length > MOST_HOLDERS;
  const unknown = unlooked || reasons.some(({ goesAtMs }) => goesAtMs === null);
  const goesMs = unknown ? null : Math.max(...reasons.map(({ goesAtMs }) => goesAtMs ?? 0));
  return {
    kind: 'image',
    digest: held[0]!.digest,
    repositories: held.slice(0, MOST_REPOSITORIES).map(({ repository }) => repository),
    kept: roots.length > 0,
    roots: roots.slice(0, MOST_ROOTS),
    moreRoots: unlooked || roots.length > MOST_ROOTS || reasons.some(({ moreRoots }) => moreRoots),
    goesAt: toTime(collectsFrom(moment, latest(goesMs, moment.nowMs, moment.quietMs))),
    purgedAt: null,
  };
}

/** Times of one format compare as text; nothing is later than never. */
function byEnd(a: { until: string | null }, b: { until: string | null }): number {
  const [x, y] = [a.until ?? '~', b.until ?? '~'];
  if (x === y) return 0;
  return x > y ? -1 : 1;
}

async function readMoment(sql: Reading): Promise<Moment> {
  const [row] = await sql.query<Omit<Moment, 'windows'>>(
    `SELECT ${inMs('now()')} AS "nowMs", coalesce(${inMs('quiet_until')}, 0) AS "quietMs",
        generation <> reconciled_generation AS restored, gc_paused_at IS NOT NULL AS paused,
        coalesce(${inMs('gc_awake_until')}, 0) AS "awakeMs" FROM installation`,
  );
  const windows = await sql.query<CollectingWindow>(
    `SELECT cron, time_zone AS "timeZone", (body ->> 'hours')::int AS hours, ${inMs('fired_at')} AS "firedMs"
      FROM schedule WHERE kind = 'collect' AND enabled`,
  );
  return { ...row!, windows };
}
