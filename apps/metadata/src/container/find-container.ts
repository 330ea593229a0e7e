import { conflict, notFound } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { CONTAINER_COLUMNS, type ContainerRow } from './container-rows';

/** As many candidates of the beginning of an id as are named. */
const MOST_CANDIDATES = 20;

/**
 * The container that a whole id, a name or the beginning of an id means, in this order. Throws NOT_FOUND, and CONFLICT
 * with the candidates where several ids begin so.
 */
export async function findContainer(sql: Pick<Sql, 'query'>, text: string): Promise<ContainerRow> {
  const found = await sql.query<ContainerRow>(FIND, [text, MOST_CANDIDATES]);
  const exact = found.find(({ id }) => id === text) ?? found.find(({ name }) => name === text);
  if (exact) return exact;
  const [first, second] = found;
  if (!first) throw notFound(`container ${text}`, { container: text });
  if (second) {
    const candidates = found.map(({ id, name }) => ({ id, name }));
    throw conflict(`${text} is the beginning of several containers' ids: give more of it`, { candidates });
  }
  return first;
}

/** `g` follows every hex digit. */
const FIND = `
  SELECT ${CONTAINER_COLUMNS} FROM (
    SELECT id FROM container WHERE name = $1
    UNION
    (SELECT id FROM container WHERE id >= $1 AND id < $1 || 'g' ORDER BY id LIMIT $2)
  ) AS meant JOIN container USING (id) JOIN repository ON repository.id = container.repository_id ORDER BY container.id`;

/** As `findContainer`, with its row locked, as it is then. */
export async function lockContainer(sql: Sql, text: string): Promise<ContainerRow> {
  const { id } = await findContainer(sql, text);
  const [locked] = await sql.query<ContainerRow>(
    `SELECT ${CONTAINER_COLUMNS} FROM container JOIN repository ON repository.id = container.repository_id
      WHERE container.id = $1 FOR UPDATE OF container`,
    [id],
  );
  if (!locked) throw notFound(`container ${text}`, { container: text });
  return locked;
}

/** What a reporter says of its containers is changed by it alone. Throws CONFLICT. */
export function refuseReported({ name, reporter }: ContainerRow): void {
  if (reporter === null) return;
  throw conflict(`container ${name} is reported by ${reporter}: change it there, and the next report says so`, {
    reporter,
  });
}
