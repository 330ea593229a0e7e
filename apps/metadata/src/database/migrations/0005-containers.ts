import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Containers as people and reporters have them.
 *
 * - `manifest` is the image that runs, where `digest` is an index.
 * - Lists are read newest first, of a state or all.
 * - A reporter replaces its whole set while its lease lasts; its row goes with the last of its containers.
 */
export class Containers0005 implements MigrationInterface {
  readonly name = 'Containers0000000000005';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query(`CREATE TABLE reporter (
      name text COLLATE "C" PRIMARY KEY,
      principal text COLLATE "C" NOT NULL,
      holder text COLLATE "C" NOT NULL,
      sequence bigint,
      lease_ms bigint NOT NULL CHECK (lease_ms > 0),
      reported_at timestamptz NOT NULL DEFAULT now(),
      leased_until timestamptz NOT NULL
    )`);
    await queries.query('CREATE INDEX reporter_lease ON reporter (leased_until)');
    await queries.query(`ALTER TABLE container
      DROP COLUMN leased_until,
      ADD COLUMN manifest text COLLATE "C",
      ADD COLUMN reported_id text COLLATE "C",
      ADD COLUMN exit_code smallint,
      ADD COLUMN started_at timestamptz,
      ADD COLUMN finished_at timestamptz,
      ADD CONSTRAINT container_is_reported FOREIGN KEY (reporter) REFERENCES reporter (name),
      ADD CHECK ((reporter IS NULL) = (reported_id IS NULL))`);
    await queries.query('CREATE INDEX container_list ON container (created_at DESC, id DESC)');
    await queries.query('CREATE INDEX container_state ON container (state, created_at DESC, id DESC)');
    await queries.query('CREATE UNIQUE INDEX container_reported ON container (reporter, reported_id)');
  }

  async down(): Promise<void> {
    throw new Error('an older program cannot read what was written since: restore a backup instead');
  }
}
