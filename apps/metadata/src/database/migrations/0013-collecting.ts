import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was removed for good goes outside the windows of collecting too: until then the collector does not rest. */
export class Collecting0013 implements MigrationInterface {
  readonly name = 'Collecting0000000000013';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query('ALTER TABLE installation ADD COLUMN gc_awake_until timestamptz');
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('ALTER TABLE installation DROP COLUMN gc_awake_until');
  }
}
