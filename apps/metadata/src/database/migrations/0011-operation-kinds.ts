import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Operations are listed by their kind, or without those that machines ask for again and again (a report of containers
 * each minute from every engine): either list is read no further than it is shown.
 */
export class OperationKinds0011 implements MigrationInterface {
  readonly name = 'OperationKinds0000000000011';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query(`CREATE INDEX operation_list_asked ON operation (principal, accepted_at DESC, id DESC)
      WHERE kind <> 'container-report'`);
    await queries.query('CREATE INDEX operation_list_kind ON operation (principal, kind, accepted_at DESC, id DESC)');
    await queries.query('DROP INDEX operation_list');
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('CREATE INDEX operation_list ON operation (principal, accepted_at DESC, id DESC)');
    await queries.query('DROP INDEX operation_list_asked');
    await queries.query('DROP INDEX operation_list_kind');
  }
}
