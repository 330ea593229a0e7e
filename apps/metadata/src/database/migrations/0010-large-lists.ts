import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Lists of a large store: a repository's images by age, and bytes that were found missing, which a list leaves out: few,
 * and found without looking at each object.
 */
export class LargeLists0010 implements MigrationInterface {
  readonly name = 'LargeLists0000000000010';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query(
      'CREATE INDEX repository_manifest_age ON repository_manifest (repository_id, committed_at DESC, digest)',
    );
    await queries.query(`CREATE INDEX object_lost ON object (digest) WHERE lost_at IS NOT NULL AND state = 'live'`);
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('DROP INDEX object_lost');
    await queries.query('DROP INDEX repository_manifest_age');
  }
}
