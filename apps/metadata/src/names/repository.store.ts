import { nameUnknown } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { noteRepositories } from '../journal/note-journal';

/** The repository's id, or undefined where there is none of that name. */
export async function findRepository(sql: Pick<Sql, 'query'>, name: string): Promise<number | undefined> {
  const [row] = await sql.query<{ id: number }>('SELECT id FROM repository WHERE name = $1', [name]);
  return row?.id;
}

/** Throws NAME_UNKNOWN. */
export async function knownRepository(sql: Pick<Sql, 'query'>, name: string): Promise<number> {
  const id = await findRepository(sql, name);
  if (id === undefined) throw nameUnknown(name);
  return id;
}

export interface NewRepository {
  readonly name: string;
  /** The domain of the registry it is fetched from; null for one that is pushed to. Its name says so, for ever. */
  readonly upstream: string | null;
  readonly isPrivate: boolean;
}

/** Makes it when it is new. What was fetched with a credential makes it private, however it began. */
export async function ensureRepository(sql: Sql, wanted: NewRepository): Promise<number> {
  const known = await findRepository(sql, wanted.name);
  if (known === undefined) {
    await sql.query(
      `WITH made AS (INSERT INTO repository (name, upstream, is_private) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO NOTHING RETURNING *) ${noteRepositories('made')}`,
      [wanted.name, wanted.upstream, wanted.isPrivate],
    );
  }
  const id = known ?? (await knownRepository(sql, wanted.name));
  if (wanted.isPrivate)
    await sql.query(
      `WITH hidden AS (UPDATE repository SET is_private = true WHERE id = $1 AND NOT is_private RETURNING *)
        ${noteRepositories('hidden')}`,
      [id],
    );
  return id;
}
