import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who may ask on the bus in a name of its own. Of a password only what checks it is kept. */
export class BusUsers0018 implements MigrationInterface {
  readonly name = 'BusUsers0000000000018';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query(`CREATE TABLE bus_user (
      principal text PRIMARY KEY CHECK (principal ~ '^[a-z0-9]{1,64}$'),
      name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
      password_hash text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      created_by text NOT NULL
    )`);
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('DROP TABLE bus_user');
  }
}
