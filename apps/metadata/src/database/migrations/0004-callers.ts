import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The operation that a download runs for, while it is the only one that wants it (`wanted_by`): it is called off with
 * it. Null once anybody else asked for the blob, and for those that were there before.
 */
export class Callers0004 implements MigrationInterface {
  readonly name = 'Callers0000000000004';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query('ALTER TABLE fill ADD COLUMN wanted_by uuid');
    await queries.query(`CREATE INDEX fill_caller ON fill (wanted_by) WHERE state IN ('wanted', 'running')`);
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('DROP INDEX fill_caller');
    await queries.query('ALTER TABLE fill DROP COLUMN wanted_by');
  }
}
