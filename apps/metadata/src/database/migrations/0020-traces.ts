import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Work goes on in the trace of who asked for it, whichever process claims it (W3C Trace Context). */
export class Traces0020 implements MigrationInterface {
  readonly name = 'Traces0000000000020';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query('ALTER TABLE operation ADD COLUMN traceparent text');
    await queries.query('ALTER TABLE fill ADD COLUMN traceparent text');
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('ALTER TABLE fill DROP COLUMN traceparent');
    await queries.query('ALTER TABLE operation DROP COLUMN traceparent');
  }
}
