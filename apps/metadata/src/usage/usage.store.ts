import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { ReadUsage, Usage } from '#contracts/calls/usage';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { invalidField, unavailable } from '#oci/registry-error';
import { Database } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { countUsage } from './count-usage';

/** A store that is counted within this many milliseconds is counted for each question. */
const QUICK_MS = 25;

/** Counting takes no more than this part of the time. */
const PART = 1 / 20;

type Counted = Omit<Usage, 'asOf' | 'bytes' | 'reclaimableBytes'>;
type RepositoryUsage = AnswerOf<typeof ReadUsage>['usage']['repositories'][number];

interface UsageRow {
  readonly as_of: Date;
  readonly took_ms: number;
  readonly counted: Counted;
  readonly age_ms: number;
}

/**
 * What the store holds. Counting costs what there is, so that a large store is counted now and then, and says as of
 * when; those who want it counted now share one counting that began after they asked.
 */
@Injectable()
export class UsageStore implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Usage');
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | null = null;
  private next: Promise<void> | null = null;
  /** The server process that counts for us. */
  private pid: number | null = null;
  private isEnding = false;

  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.keepUp(), this.config.ENTREPOT_USAGE_MS);
    this.timer.unref();
  }

  /** Nobody waits for a count at the end, which may take as long as the store is large. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    this.isEnding = true;
    if (this.pid === null) return;
    await this.database.read('SELECT pg_cancel_backend($1)', [this.pid]).catch(() => undefined);
    await this.running?.catch(() => undefined);
  }

  /** Throws INVALID for a cursor of another making. */
  async read({ fresh, after, limit }: QuestionOf<typeof ReadUsage>): Promise<AnswerOf<typeof ReadUsage>> {
    const cursor = after === undefined ? null : readCursor(after);
    const last = await this.readLast();
    if (fresh || last === undefined || last.took_ms <= QUICK_MS) await this.count();
    const { as_of, counted } = (await this.readLast())!;
    const rows = await this.database.read<RepositoryUsage & { id: number }>(LARGEST, [
      cursor?.bytes ?? null,
      cursor?.id ?? null,
      limit + 1,
    ]);
    const page = rows.slice(0, limit);
    const end = rows.length > limit ? page.at(-1) : undefined;
    const repositories = page.map(({ id: _, ...repository }) => repository);
    return {
      usage: { asOf: as_of.toISOString(), ...sums(counted), ...counted, repositories },
      next: end ? `${end.bytes}.${end.id}` : null,
    };
  }

  /** Counted at a moment after this was asked. */
  count(): Promise<void> {
    if (this.running === null) return this.start(true);
    this.next ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.next = null;
        return this.start(true);
      });
    return this.next;
  }

  /** Where what was counted last is old, and nobody counts. */
  async keepUp(): Promise<void> {
    try {
      const last = await this.readLast();
      if (this.running || (last && last.age_ms < last.took_ms / PART)) return;
      await this.start(false);
    } catch (error) {
      this.log.debug(`not counted: ${(error as Error).message}`);
    }
  }

  private start(waits: boolean): Promise<void> {
    if (this.isEnding) return Promise.reject(unavailable('metadata', 1));
    const by = (pid: number) => {
      this.pid = pid;
    };
    const counting = this.database
      .transaction('metadata.count-usage', (sql) => countUsage(sql, { waits, by }))
      .then(() => undefined)
      .finally(() => {
        this.running = null;
        this.pid = null;
      });
    this.running = counting;
    return counting;
  }

  private async readLast(): Promise<UsageRow | undefined> {
    const [row] = await this.database.read<UsageRow>(
      `SELECT as_of, took_ms, counted, (extract(epoch FROM clock_timestamp() - as_of) * 1000)::float8 AS age_ms
        FROM usage`,
    );
    return row;
  }
}

function sums({ images, unlisted, uploads, condemned, purging }: Counted) {
  const bytes = [images, unlisted, uploads, condemned, purging].reduce((sum, each) => sum + each.bytes, 0);
  return { bytes, reclaimableBytes: images.reclaimableBytes + unlisted.bytes };
}

function readCursor(text: string): { bytes: string; id: string } {
  const [, bytes, id] = /^(\d{1,18})\.(\d{1,18})$/.exec(text) ?? [];
  if (bytes === undefined || id === undefined) throw invalidField('after', 'must be the `next` of the page before');
  return { bytes, id };
}

/** $1 and $2: where the page before ended. */
export const LARGEST = `
  SELECT repository_id AS id, repository.name AS repository, manifests, tags, blobs, bytes, unique_bytes AS "uniqueBytes"
  FROM repository_usage CROSS JOIN LATERAL (SELECT name FROM repository WHERE id = repository_id OFFSET 0) AS repository
  WHERE (bytes, repository_id) < (coalesce($1::bigint, 9223372036854775807), coalesce($2::bigint, 0))
  ORDER BY bytes DESC, repository_id DESC LIMIT $3`;
