import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where the process answers that took an upload last: what it has in memory is read there. */
export class Writers0019 implements MigrationInterface {
  readonly name = 'Writers0000000000019';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query('ALTER TABLE upload_session ADD COLUMN writer text');
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('ALTER TABLE upload_session DROP COLUMN writer');
  }
}
