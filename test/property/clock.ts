import { Database } from '#apps/metadata/src/database/database';

/**
 * Postgres' clock decides everything that time decides, so a test that moves it moves time. `public` comes before
 * `pg_catalog` where names are looked up, and has a `now()` of its own: the real one and an offset. No row is touched,
 * and no age is anybody's to correct: leases, pins, windows and absences are read as they would be on that day.
 */
const INSTALL = `
  CREATE TABLE public.moved_clock (by interval NOT NULL);
  INSERT INTO public.moved_clock VALUES ('0');
  CREATE FUNCTION public.now() RETURNS timestamptz STABLE LANGUAGE plpgsql AS
    'BEGIN RETURN pg_catalog.now() + (SELECT by FROM public.moved_clock); END';
  CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE plpgsql AS
    'BEGIN RETURN pg_catalog.clock_timestamp() + (SELECT by FROM public.moved_clock); END';
  DO $$
    DECLARE old record;
    BEGIN
      EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
      SET LOCAL search_path = public, pg_catalog;
      FOR old IN SELECT table_name, column_name,
          CASE WHEN column_default LIKE '%clock_timestamp()%' THEN 'clock_timestamp()' ELSE 'now()' END AS clock
        FROM information_schema.columns WHERE table_schema = 'public'
          AND (column_default LIKE '%now()%' OR column_default LIKE '%clock_timestamp()%')
      LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET DEFAULT %s', old.table_name, old.column_name, old.clock);
      END LOOP;
    END
  $$`;

/** That an object was purging before its row went, and each id that there ever was, is written down as it happens. */
const WATCH = `
  CREATE TABLE public.seen_object (id uuid PRIMARY KEY, purging boolean NOT NULL DEFAULT false, gone boolean NOT NULL DEFAULT false);
  CREATE FUNCTION public.watch_object() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN INSERT INTO public.seen_object (id) VALUES (NEW.id);
      ELSIF TG_OP = 'UPDATE' THEN UPDATE public.seen_object SET purging = NEW.state = 'purging' WHERE id = NEW.id;
      ELSE UPDATE public.seen_object SET gone = true WHERE id = OLD.id;
      END IF;
      RETURN NULL;
    END $$;
  CREATE TRIGGER watch_object AFTER INSERT OR UPDATE OR DELETE ON object FOR EACH ROW EXECUTE FUNCTION public.watch_object()`;

/** Also counted as if metadata had been there all the time. */
const PASS = `
  WITH moved AS (UPDATE public.moved_clock SET by = by + $1::float8 * interval '1 millisecond' RETURNING by)
  UPDATE installation SET seen_at = pg_catalog.clock_timestamp() + (SELECT by FROM moved)`;
const MOVE = `UPDATE public.moved_clock SET by = by + $1::float8 * interval '1 millisecond'`;

/** The database that the services stand on, and its clock. */
export class Clock {
  private constructor(readonly database: Database) {}

  /** Makes the tables of a new database. No service has connected to it yet. */
  static async install(url: string): Promise<Clock> {
    const options = { url, poolSize: 2, waitMs: 60_000 };
    const made = await Database.open(options);
    await made.read(INSTALL);
    await made.read(WATCH);
    await made.onApplicationShutdown();
    return new Clock(await Database.open(options));
  }

  /** In milliseconds since 1970. */
  async now(): Promise<number> {
    const [row] = await this.database.read<{ ms: number }>(`SELECT extract(epoch FROM now()) * 1000 AS ms`);
    return Number(row!.ms);
  }

  /** So many milliseconds pass, and everybody was there meanwhile. */
  async pass(ms: number): Promise<void> {
    await this.database.read(PASS, [ms]);
  }

  /** So many milliseconds pass that nobody notices: metadata is away. */
  async skip(ms: number): Promise<void> {
    await this.database.read(MOVE, [ms]);
  }

  async close(): Promise<void> {
    await this.database.onApplicationShutdown();
  }
}
