import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Bytes that are read again and hashed, those first that were looked at longest ago.
 *
 * - `scrubbing`: what is somebody's to read now, since when, and until when it stays theirs.
 * - `scrub`, one row: what was found in all.
 */
export class Scrub0014 implements MigrationInterface {
  readonly name = 'Scrub0000000000014';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query(`CREATE TABLE scrubbing (
      object_id uuid PRIMARY KEY REFERENCES object (id) ON DELETE CASCADE,
      worker text NOT NULL,
      begun_at timestamptz NOT NULL DEFAULT now(),
      claimed_until timestamptz NOT NULL
    )`);
    await queries.query(`CREATE TABLE scrub (
      one boolean PRIMARY KEY DEFAULT true CHECK (one),
      verified bigint NOT NULL DEFAULT 0,
      verified_bytes bigint NOT NULL DEFAULT 0,
      lost bigint NOT NULL DEFAULT 0,
      lost_at timestamptz
    )`);
    await queries.query('INSERT INTO scrub DEFAULT VALUES');
    await queries.query(
      `CREATE INDEX object_verified ON object (verified_at NULLS FIRST, id) WHERE state = 'live' AND lost_at IS NULL`,
    );
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('DROP INDEX object_verified');
    await queries.query('DROP TABLE scrub');
    await queries.query('DROP TABLE scrubbing');
  }
}
