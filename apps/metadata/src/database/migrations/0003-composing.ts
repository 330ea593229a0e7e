import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Objects that lie under many keys of the store, each to become one object of one key. A row is queued when an upload
 * ends, and goes when the object was swapped for another or is purged. While an attempt runs it names the object that
 * is being made (`target_id`), and until when the attempt is somebody's.
 */
export class Composing0003 implements MigrationInterface {
  readonly name = 'Composing0000000000003';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query(`CREATE TABLE composing (
      source_id uuid PRIMARY KEY REFERENCES object (id),
      target_id uuid UNIQUE REFERENCES object (id),
      worker text,
      attempts integer NOT NULL DEFAULT 0,
      claimed_until timestamptz,
      due_at timestamptz NOT NULL DEFAULT now(),
      CHECK ((target_id IS NULL) = (claimed_until IS NULL)),
      CHECK (target_id <> source_id)
    )`);
    await queries.query('CREATE INDEX composing_due ON composing (due_at) WHERE target_id IS NULL');
    await queries.query('CREATE INDEX composing_lease ON composing (claimed_until) WHERE target_id IS NOT NULL');
    await queries.query(`INSERT INTO composing (source_id)
      SELECT object_id FROM extent JOIN object ON object.id = object_id
      WHERE state <> 'uploading' AND state <> 'purging' AND key IS NOT NULL GROUP BY object_id HAVING count(*) > 1`);
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('DROP TABLE composing');
  }
}
