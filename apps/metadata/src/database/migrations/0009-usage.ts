import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the store holds, counted now and then in one reading of one moment (`as_of`): in all, and for each repository.
 * Counting costs what the store holds, and looking at it must not.
 */
export class Usage0009 implements MigrationInterface {
  readonly name = 'Usage0000000000009';

  async up(queries: QueryRunner): Promise<void> {
    // One row: what was counted last, and how long counting took, which says how often it is done.
    await queries.query(`CREATE TABLE usage (
      one boolean PRIMARY KEY DEFAULT true CHECK (one),
      as_of timestamptz NOT NULL,
      took_ms integer NOT NULL CHECK (took_ms >= 0),
      counted jsonb NOT NULL
    )`);
    await queries.query(`CREATE TABLE repository_usage (
      repository_id bigint PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
      manifests bigint NOT NULL,
      tags bigint NOT NULL,
      blobs bigint NOT NULL,
      bytes bigint NOT NULL,
      unique_bytes bigint NOT NULL,
      pulls bigint NOT NULL,
      pulled_at timestamptz,
      CHECK (unique_bytes <= bytes)
    )`);
    await queries.query('CREATE INDEX repository_usage_bytes ON repository_usage (bytes DESC, repository_id DESC)');
    // Who has a blob, and which manifests share it, in pages: what half of the store has is read no further than is shown.
    await queries.query('DROP INDEX manifest_blob_held');
    await queries.query('CREATE INDEX manifest_blob_held ON manifest_blob (held, manifest) WHERE held IS NOT NULL');
    await queries.query('DROP INDEX manifest_blob_digest');
    await queries.query('CREATE INDEX manifest_blob_digest ON manifest_blob (digest, manifest)');
    await queries.query('DROP INDEX repository_blob_digest');
    await queries.query('CREATE INDEX repository_blob_digest ON repository_blob (digest, repository_id)');
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('DROP INDEX manifest_blob_held');
    await queries.query('CREATE INDEX manifest_blob_held ON manifest_blob (held) WHERE held IS NOT NULL');
    await queries.query('DROP INDEX manifest_blob_digest');
    await queries.query('CREATE INDEX manifest_blob_digest ON manifest_blob (digest)');
    await queries.query('DROP INDEX repository_blob_digest');
    await queries.query('CREATE INDEX repository_blob_digest ON repository_blob (digest)');
    await queries.query('DROP TABLE repository_usage');
    await queries.query('DROP TABLE usage');
  }
}
