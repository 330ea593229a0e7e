import { Injectable, Logger } from '@nestjs/common';
import type { TakeSegment } from '#contracts/calls/journal';
import type { AnswerOf } from '#contracts/define-call';
import { Database, type Sql } from '../database/database';

type Segment = AnswerOf<typeof TakeSegment>;

/** Entries of one segment. */
const MOST_ENTRIES = 1_000;
/**
 * Bytes in one segment, before its last entry. Whoever reads it again has it whole in one question: with that entry, a
 * manifest at its limit or the rights to ten thousand digests, it stays below the largest one.
 */
const MOST_BYTES = 1024 * 1024;

interface Head {
  readonly installation: string;
  readonly generation: number;
  /** The last segment that is in the store. */
  readonly written: number;
}

const HEAD = 'id AS installation, generation, journal_written AS written';
const WAITS = `(EXISTS (SELECT FROM journal) OR EXISTS (SELECT FROM journal_segment))
  AND NOT EXISTS (SELECT FROM adoption WHERE phase = 'names') AS waits`;

/** The journal on its way into the store: rows become a segment, and a segment that is stored goes. */
@Injectable()
export class JournalStore {
  private readonly log = new Logger('Journal');

  constructor(private readonly database: Database) {}

  async take(): Promise<Segment> {
    const [head] = await this.database.read<Head & { waits: boolean }>(`SELECT ${HEAD}, ${WAITS} FROM installation`);
    if (!head!.waits) return segmentOf(head!);
    return this.database.transaction('metadata.pack-journal', async (sql) => {
      const [locked] = await sql.query<Head>(`SELECT ${HEAD} FROM installation FOR UPDATE`);
      // While names are taken from the store, what it has already is not said again.
      const [{ waits } = { waits: false }] = await sql.query<{ waits: boolean }>(`SELECT ${WAITS}`);
      if (!waits) return segmentOf(locked!);
      return segmentOf(locked!, (await findPacked(sql)) ?? (await pack(sql, locked!.written + 1)));
    });
  }

  /** Each generation counts its own segments: one of another is none of these. */
  async end(segment: number, generation?: number): Promise<void> {
    await this.database.transaction('metadata.end-segment', async (sql) => {
      const ended = await sql.query(
        `UPDATE installation SET journal_written = greatest(journal_written, $1)
          WHERE generation = coalesce($2, generation) RETURNING 1`,
        [segment, generation ?? null],
      );
      if (ended.length > 0) await sql.query('DELETE FROM journal_segment WHERE number = $1', [segment]);
    });
  }

  async noteRestored(generation: number): Promise<void> {
    const raised = await this.database.transaction('metadata.raise-generation', async (sql) => {
      const behind = await sql.query('SELECT 1 FROM installation WHERE generation <= $1 FOR UPDATE', [generation]);
      if (behind.length > 0) for (const statement of RAISE_GENERATION) await sql.query(statement, [generation]);
      return behind;
    });
    if (raised.length === 0) return;
    this.log.error(
      'the journal in the store is ahead of this database, which was restored: it is read from where the ' +
        'backup ends, and nothing is purged before that has ended',
    );
  }
}

/**
 * The next generation begins, after $1, and what the store has beyond this database is to be had back, from where this
 * database knew it or had read it. Facts are newer than any that were sent before.
 */
export const RAISE_GENERATION = [
  `INSERT INTO adoption AS known (after_generation, after_segment)
    SELECT generation, journal_written FROM installation WHERE $1::bigint >= 0
    ON CONFLICT (one) DO UPDATE SET phase = 'names', worker = NULL, claimed_until = NULL,
      ended_at = NULL, began_at = now(), rebuilds = known.rebuilds AND known.phase <> 'ended',
      after_generation = CASE known.phase WHEN 'names' THEN known.after_generation ELSE EXCLUDED.after_generation END,
      after_segment = CASE known.phase WHEN 'names' THEN known.after_segment ELSE EXCLUDED.after_segment END`,
  'UPDATE installation SET generation = greatest(generation, $1::bigint) + 1, journal_written = 0',
  `SELECT setval('fact_revision', greatest(last_value, (SELECT generation FROM installation) << 40)) FROM fact_revision
    WHERE $1::bigint >= 0`,
];

interface Packed {
  readonly number: number;
  readonly bytes: Buffer;
}

function segmentOf({ installation, generation, written }: Head, packed?: Packed): Segment {
  return { installation, generation, segment: packed?.number ?? written + 1, bytes: packed?.bytes ?? Buffer.alloc(0) };
}

async function findPacked(sql: Sql): Promise<Packed | undefined> {
  const [packed] = await sql.query<Packed>('SELECT number, bytes FROM journal_segment ORDER BY number LIMIT 1');
  return packed;
}

/**
 * In the order of ids, which is the order of what is said of one name. An entry that comes to light later than one
 * with a higher id is of another name. A manifest that has gone meanwhile has no bytes: that it went is said after.
 */
async function pack(sql: Sql, number: number): Promise<Packed | undefined> {
  const [packed] = await sql.query<Packed>(PACK, [MOST_ENTRIES, MOST_BYTES, number]);
  return packed;
}

const PACK = `
  WITH queued AS (
    SELECT oldest.id, entry, at, media_type, bytes,
      coalesce(sum(octet_length(entry::text) + coalesce(size, 0) * 4 / 3)
        OVER (ORDER BY oldest.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM (SELECT * FROM journal ORDER BY id LIMIT $1) AS oldest
    LEFT JOIN manifest ON entry ->> 'kind' = 'manifest' AND manifest.digest = entry ->> 'digest'
  ), taken AS (
    DELETE FROM journal USING queued WHERE journal.id = queued.id AND before < $2::bigint
    RETURNING journal.id, journal.entry || jsonb_build_object(
      'at', to_char(journal.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) || jsonb_strip_nulls(jsonb_build_object(
      'mediaType', media_type, 'bytes', translate(encode(bytes, 'base64'), E'\\n', ''))) AS line
  )
  INSERT INTO journal_segment (number, bytes)
  SELECT $3, convert_to(string_agg(line::text || E'\\n', '' ORDER BY id), 'UTF8') FROM taken HAVING count(*) > 0
  RETURNING number, bytes`;
