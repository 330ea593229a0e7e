import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A database that is behind its store has back what it lacks: names from the journal, then bytes from what lies there.
 * One row: how far the last time has come (`after_…`: the last segment that was read). From now on the journal says rights to bytes too: it begins with all that are here by now.
 */
export class Adoption0016 implements MigrationInterface {
  readonly name = 'Adoption0000000000016';

  async up(queries: QueryRunner): Promise<void> {
    for (const statement of [ADOPTION, WAITING, RIGHTS]) await queries.query(statement);
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query(`DELETE FROM journal WHERE entry ->> 'kind' LIKE 'rights%'`);
    await queries.query('DROP TABLE adoption');
  }
}

const ADOPTION = `CREATE TABLE adoption (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  rebuilds boolean NOT NULL DEFAULT false,
  phase text NOT NULL DEFAULT 'names' CHECK (phase IN ('names', 'missing', 'objects', 'ended')),
  after_generation bigint NOT NULL,
  after_segment bigint NOT NULL,
  words bigint NOT NULL DEFAULT 0,
  missing bigint NOT NULL DEFAULT 0,
  adopted bigint NOT NULL DEFAULT 0,
  quarantined bigint NOT NULL DEFAULT 0,
  worker uuid,
  claimed_until timestamptz,
  began_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  CHECK ((phase = 'ended') = (ended_at IS NOT NULL))
)`;

// Restored before there was this: read from where its last known generation began.
const WAITING = `INSERT INTO adoption (after_generation, after_segment)
  SELECT reconciled_generation, 0 FROM installation WHERE generation <> reconciled_generation`;

const RIGHTS = `INSERT INTO journal (entry)
  SELECT jsonb_build_object('kind', 'rights', 'repository', name, 'upstream', given.upstream, 'credential', credential,
    'digests', jsonb_agg(digest ORDER BY digest))
  FROM repository_blob AS given JOIN repository ON repository.id = repository_id
  GROUP BY name, given.upstream, credential ORDER BY name, given.upstream, credential`;
