import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ReadAdoption, TakeAdoption } from '#contracts/calls/adoption';
import type { AnswerOf } from '#contracts/define-call';
import { conflict, stale } from '#oci/registry-error';
import { Database, type Sql } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { adoptEmpty, wakeCondemned } from './adopt-held';
import { parseSegment, type Word } from './parse-word';
import { replayWord } from './replay-word';

type Phase = 'names' | 'missing' | 'objects' | 'ended';

const NEXT: Record<Phase, Phase> = { names: 'missing', missing: 'objects', objects: 'ended', ended: 'ended' };

/**
 * What a database that is behind its store has back from it, and how far that has come: first what the journal says, then
 * what became of the bytes that its rows name, then the bytes that no row names. Only then purging goes on.
 */
@Injectable()
export class AdoptionStore {
  private readonly log = new Logger('Adoption');

  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  async read(): Promise<AnswerOf<typeof ReadAdoption>> {
    const [row] = await this.database.read<{ adoption: AnswerOf<typeof ReadAdoption>['adoption'] }>(
      `SELECT jsonb_build_object('phase', phase, 'rebuilds', rebuilds, 'words', words, 'missing', missing,
          'adopted', adopted, 'quarantined', quarantined,
          'after', jsonb_build_object('generation', after_generation, 'segment', after_segment)) AS adoption
        FROM adoption`,
    );
    return { adoption: row?.adoption ?? null };
  }

  async take(worker: string): Promise<AnswerOf<typeof TakeAdoption>> {
    const [due] = await this.database.read(`SELECT 1 FROM adoption WHERE phase <> 'ended'`);
    if (!due) return { adoption: null };
    const [adoption] = await this.database.transaction('metadata.take-adoption', async (sql) => {
      await unpackSegment(sql);
      return sql.query<NonNullable<AnswerOf<typeof TakeAdoption>['adoption']>>(
        `UPDATE adoption SET worker = $1, claimed_until = now() + $2 * interval '1 millisecond' FROM installation
          WHERE phase <> 'ended' AND (worker = $1 OR coalesce(claimed_until, '-infinity') < now())
          RETURNING installation.id AS installation, generation, phase,
            jsonb_build_object('generation', after_generation, 'segment', after_segment) AS after`,
        [worker, this.config.ENTREPOT_LEASE_MS],
      );
    });
    return { adoption: adoption ?? null };
  }

  /** Throws STALE, and INVALID for what is no segment: nothing of it is done. */
  async adoptSegment(worker: string, at: { generation: number; segment: number }, bytes: Uint8Array): Promise<void> {
    const name = `${at.generation}-${at.segment}`;
    const words = parseSegment(name, bytes);
    const passed: Word[] = [];
    const times = {
      keepPulledMs: this.config.ENTREPOT_KEEP_PULLED_MS,
      reviewDelayMs: this.config.ENTREPOT_REVIEW_DELAY_MS,
    };
    await this.database.transaction('metadata.adopt-segment', async (sql) => {
      const moved = await sql.query(
        `UPDATE adoption SET after_generation = $2, after_segment = $3, words = words + $4,
            claimed_until = now() + $5 * interval '1 millisecond'
          WHERE worker = $1 AND phase = 'names' AND (after_generation, after_segment) < ($2, $3) RETURNING 1`,
        [worker, at.generation, at.segment, words.length, this.config.ENTREPOT_LEASE_MS],
      );
      if (moved.length === 0) throw stale('another worker adopts what is in the store');
      for (const { word } of words) if (word && !(await replayWord(sql, word, times))) passed.push(word);
      await dropSaid(
        sql,
        words.map(({ line }) => line),
      );
    });
    for (const word of passed)
      this.log.error(
        `a manifest of ${word.repository} is not as segment ${name} of the journal has it: it is passed over`,
      );
  }

  /** Throws STALE. */
  async endPhase(worker: string, phase: Phase, missing = 0): Promise<void> {
    const ended = await this.database.transaction('metadata.end-adoption-phase', async (sql) => {
      await mustHave(sql, worker, this.config.ENTREPOT_LEASE_MS);
      if (phase === 'missing') await wakeCondemned(sql);
      if (phase === 'objects') await adoptEmpty(sql);
      const [row] = await sql.query<{ words: number; missing: number; adopted: number; quarantined: number }>(
        `UPDATE adoption SET phase = $2, missing = missing + $3, ended_at = CASE WHEN $2 = 'ended' THEN now() END
          WHERE phase = $1 RETURNING words, missing, adopted, quarantined`,
        [phase, NEXT[phase], missing],
      );
      if (row && phase === 'objects') await sql.query('UPDATE installation SET reconciled_generation = generation');
      return phase === 'objects' ? row : undefined;
    });
    if (!ended) return;
    const { words, adopted, quarantined } = ended;
    this.log.warn(
      `this database has back what the store has: ${words} entries of the journal, ${adopted} objects; ` +
        `${ended.missing} are missing, and ${quarantined} in quarantine; what nothing needs is purged again`,
    );
  }

  /** Throws CONFLICT. */
  async beginRebuild(installation: string, generation: number): Promise<void> {
    await this.database.transaction('metadata.begin-rebuild', async (sql) => {
      const [here] = await sql.query<{ id: string }>('SELECT id FROM installation FOR UPDATE');
      const [open] = await sql.query(`SELECT 1 FROM adoption WHERE rebuilds AND phase <> 'ended'`);
      if (open && here?.id === installation) return;
      await refuseUsed(sql);
      await sql.query(
        `UPDATE installation SET id = $1, generation = $2::bigint + 1, reconciled_generation = 0, journal_written = 0`,
        [installation, generation],
      );
      await sql.query('DELETE FROM journal');
      await sql.query('DELETE FROM journal_segment');
      await sql.query(
        'INSERT INTO adoption (rebuilds, after_generation, after_segment) VALUES (true, 0, 0) ON CONFLICT DO NOTHING',
      );
      // Since when nothing was pulled is not known, and time without a database is no age.
      await sql.query(`INSERT INTO absence (began_at, ended_at) VALUES ('2000-01-01', now()) ON CONFLICT DO NOTHING`);
      await sql.query(
        `SELECT setval('fact_revision', greatest((SELECT last_value FROM fact_revision), $1::bigint << 40))`,
        [generation + 1],
      );
    });
  }
}

/** Throws CONFLICT. */
async function refuseUsed(sql: Sql): Promise<void> {
  const [used] = await sql.query(
    `SELECT 1 WHERE EXISTS (SELECT FROM repository) OR EXISTS (SELECT FROM object) OR EXISTS (SELECT FROM container)
      OR EXISTS (SELECT FROM adoption)`,
  );
  if (used) throw conflict('the database holds a warehouse already: one is rebuilt into an empty database');
}

/** Locks the adoption, and extends its claim. Throws STALE. */
export async function mustHave(sql: Sql, worker: string, claimMs: number): Promise<void> {
  const rows = await sql.query(
    `UPDATE adoption SET claimed_until = now() + $2 * interval '1 millisecond'
      WHERE worker = $1 AND phase <> 'ended' RETURNING 1`,
    [worker, claimMs],
  );
  if (rows.length === 0) throw stale('another worker adopts what is in the store');
}

/**
 * A segment that was packed before the database was restored becomes entries again, before all others: some of it may be
 * in the store. Taken in again, none is said twice, or after what was said later.
 */
async function unpackSegment(sql: Sql): Promise<void> {
  await sql.query('SELECT 1 FROM installation FOR UPDATE');
  await sql.query(
    `WITH packed AS (DELETE FROM journal_segment WHERE EXISTS (SELECT FROM adoption WHERE phase = 'names')
        RETURNING number, bytes),
      lines AS (SELECT line::jsonb AS said, row_number() OVER (ORDER BY number, position) AS at, count(*) OVER () AS lines
        FROM packed, regexp_split_to_table(convert_from(bytes, 'UTF8'), E'\\n') WITH ORDINALITY AS split (line, position)
        WHERE line <> '')
      INSERT INTO journal (id, entry, at) OVERRIDING SYSTEM VALUE
        SELECT coalesce((SELECT min(id) FROM journal), 1) - lines - 1 + lines.at, said - '{at,mediaType,bytes}'::text[],
          (said ->> 'at')::timestamptz FROM lines`,
  );
}

/** What waited for the store when the backup was made, and came there since. */
async function dropSaid(sql: Sql, lines: readonly string[]): Promise<void> {
  await sql.query(
    `DELETE FROM journal USING (SELECT line::jsonb AS said FROM unnest($1::text[]) AS line) AS lines
      WHERE journal.at = (said ->> 'at')::timestamptz AND entry = said - '{at,mediaType,bytes}'::text[]`,
    [lines],
  );
}
