import { Inject, Injectable } from '@nestjs/common';
import { type AdoptObject, type CompareStored, MISSING_PAGE } from '#contracts/calls/adoption';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { Database, type Sql } from '../database/database';
import { lockBlobs } from '../database/locks';
import { holdListed } from '../manifest/link-blobs';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { queueComposing } from '../object/queue-composing';
import { queueBlobReviews } from '../review/queue-reviews';
import { isWanted, makeBlob } from './adopt-held';
import { mustHave } from './adoption.store';

type Adopting = QuestionOf<typeof AdoptObject>;
type Became = AnswerOf<typeof AdoptObject>['became'];

const FIRST = '00000000-0000-0000-0000-000000000000';
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The store's objects against the rows of a database that is behind it. */
@Injectable()
export class AdoptObjectHandler {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /**
   * The store was listed first: what has no row now had none then, or has been purged since. Rows that came after the
   * adoption began are no matter of it. Throws STALE.
   */
  async compare({
    worker,
    from,
    to,
    stored,
  }: QuestionOf<typeof CompareStored>): Promise<AnswerOf<typeof CompareStored>> {
    return this.database.transaction('metadata.compare-stored', async (sql) => {
      await mustHave(sql, worker, this.config.ENTREPOT_LEASE_MS);
      const missing = await sql.query<AnswerOf<typeof CompareStored>['missing'][number]>(
        `SELECT id AS object, digest FROM object, adoption
          WHERE id > $1 AND id <= $2 AND id <> ALL($3::uuid[]) AND state IN ('live', 'condemned') AND size > 0
            AND lost_at IS NULL AND created_at < began_at ORDER BY id LIMIT $4`,
        [from ?? FIRST, to ?? LAST, stored, MISSING_PAGE],
      );
      const unknown = await sql.query<{ id: string }>(
        `SELECT id FROM unnest($1::uuid[]) AS stored (id)
          WHERE NOT EXISTS (SELECT FROM object WHERE object.id = stored.id) ORDER BY id`,
        [stored],
      );
      return { missing, unknown: unknown.map(({ id }) => id) };
    });
  }

  async adopt(adopting: Adopting): Promise<Became> {
    return this.database.transaction('metadata.adopt-object', async (sql) => {
      await lockBlobs(sql, [adopting.digest], 'UPDATE');
      const [known] = await sql.query('SELECT 1 FROM object WHERE id = $1', [adopting.object]);
      if (known) return 'known';
      const became = await this.write(sql, adopting);
      if (became === 'blob') await sql.query('UPDATE adoption SET adopted = adopted + 1');
      if (became === 'quarantined') await sql.query('UPDATE adoption SET quarantined = quarantined + 1');
      return became;
    });
  }

  private async write(sql: Sql, { object, digest, size, extents, quarantine }: Adopting): Promise<Became> {
    const [here] = await sql.query<{ wanted: boolean; holder: string | null; lost: boolean | null }>(
      `SELECT ${isWanted('$1')} AS wanted, object_id AS holder, lost_at IS NOT NULL AS lost
        FROM (SELECT) AS one LEFT JOIN blob ON blob.digest = $1 LEFT JOIN object ON object.id = object_id`,
      [digest],
    );
    const { wanted, holder, lost } = here!;
    const isBlob = wanted && (holder === null || lost === true);
    if (!isBlob && !quarantine) return 'unwanted';
    await this.insert(sql, { object, digest, size, extents }, isBlob);
    if (!isBlob) return 'quarantined';
    if (holder === null) await makeBlob(sql, object, digest, size);
    else await this.swap(sql, holder, object, digest);
    await queueComposing(sql, object);
    return 'blob';
  }

  private async insert(
    sql: Sql,
    { object, digest, size, extents }: Pick<Adopting, 'object' | 'digest' | 'size' | 'extents'>,
    isBlob: boolean,
  ): Promise<void> {
    await sql.query(
      `INSERT INTO object (id, state, digest, size, verified_at, purge_after) VALUES ($1, $2, $3, $4, now(),
        CASE WHEN $2 = 'condemned' THEN now() + $5 * interval '1 millisecond' END)`,
      [object, isBlob ? 'live' : 'condemned', digest, size, this.config.ENTREPOT_QUARANTINE_MS],
    );
    await sql.query(
      `INSERT INTO extent (object_id, start, length, key)
        SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::text[])`,
      [object, extents.map(({ offset }) => offset), extents.map(({ length }) => length), extents.map(({ key }) => key)],
    );
  }

  /** The same bytes lie elsewhere than the rows say: they were composed, or came again, after the backup was made. */
  private async swap(sql: Sql, lost: string, object: string, digest: string): Promise<void> {
    await sql.query('UPDATE blob SET object_id = $2, stored_at = now() WHERE digest = $1', [digest, object]);
    await sql.query(`UPDATE object SET state = 'condemned', purge_after = now() WHERE id = $1`, [lost]);
    await queueBlobReviews(sql, [digest], 0);
    await holdListed(sql, [digest]);
  }
}
