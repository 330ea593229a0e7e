import { Database } from '#apps/metadata/src/database/database';

/** Tables that most changes write, and of which transactions lock several. */
const TABLES = ['operation', 'tag', 'object', 'blob', 'upload_session', 'extent', 'container', 'outbox', 'review'];

/** Half of them while it works, half of them when it commits; a quarter is a deadlock, the rest a serialization failure. */
const INSTALL = `
  CREATE SCHEMA IF NOT EXISTS chaos;
  CREATE TABLE chaos.quarrel (share float8 NOT NULL);
  INSERT INTO chaos.quarrel VALUES (0);
  CREATE FUNCTION chaos.quarrel() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF random() < (SELECT share FROM chaos.quarrel) THEN
        RAISE EXCEPTION 'chaos' USING ERRCODE = CASE WHEN random() < 0.25 THEN '40P01' ELSE '40001' END;
      END IF;
      RETURN NULL;
    END $$;
  ${TABLES.map(
    (table) => `
  CREATE TRIGGER chaos_at_once AFTER INSERT OR UPDATE OR DELETE ON public.${table}
    FOR EACH STATEMENT EXECUTE FUNCTION chaos.quarrel();
  CREATE CONSTRAINT TRIGGER chaos_at_commit AFTER INSERT OR UPDATE OR DELETE ON public.${table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos.quarrel();`,
  ).join('')}`;

const END_OTHERS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;

/** What a database does to its clients when it is not away. */
export class Quarrels {
  private constructor(private readonly url: string) {}

  /** In a database that has its tables. */
  static async install(url: string): Promise<Quarrels> {
    const quarrels = new Quarrels(url);
    await quarrels.ask(INSTALL);
    return quarrels;
  }

  /** So many statements and so many changed rows fail, and may be done again: a share from 0 to 1. */
  async share(share: number): Promise<void> {
    await this.ask(`UPDATE chaos.quarrel SET share = ${share}`);
  }

  /** Ends every connection but its own. */
  async endConnections(): Promise<void> {
    await this.ask(END_OTHERS);
  }

  /** On a connection of its own, since the database may have died meanwhile. */
  private async ask(text: string): Promise<void> {
    const database = await Database.open({ url: this.url, poolSize: 1, waitMs: 60_000 });
    try {
      await database.read(text);
    } finally {
      await database.onApplicationShutdown();
    }
  }
}
