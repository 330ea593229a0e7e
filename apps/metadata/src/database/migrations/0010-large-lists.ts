import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What looking at a large store reads: a repository's images by age; bytes that were found missing, few, and found
 * without looking at each object; and configs by their digest, which may be an image's id, apart from layers, one of
 * which half of the store may have. What waits for bytes that come is apart from what has them, for the same reason.
 */
export class LargeLists0010 implements MigrationInterface {
  readonly name = 'LargeLists0000000000010';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query(
      'CREATE INDEX repository_manifest_age ON repository_manifest (repository_id, committed_at DESC, digest)',
    );
    await queries.query(`CREATE INDEX object_lost ON object (digest) WHERE lost_at IS NOT NULL AND state = 'live'`);
    await queries.query('CREATE INDEX manifest_blob_waits ON manifest_blob (digest) WHERE held IS NULL');
    await queries.query(`CREATE INDEX manifest_blob_config ON manifest_blob (digest, manifest) WHERE role = 'config'`);
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('DROP INDEX manifest_blob_config');
    await queries.query('DROP INDEX manifest_blob_waits');
    await queries.query('DROP INDEX object_lost');
    await queries.query('DROP INDEX repository_manifest_age');
  }
}
