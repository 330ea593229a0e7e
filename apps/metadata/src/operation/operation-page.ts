import { z } from 'zod';
import { type OperationKind, type OperationState, UNLISTED_KIND } from '#contracts/operation';
import type { Principal } from '#contracts/principal';
import { type Bounded, boundedPage, pageOf } from '../database/bounded-page';
import type { Database } from '../database/database';
import { readTimeCursor } from '../database/read-cursor';
import type { OperationRow } from './operation-rows';

export interface OperationFilter {
  readonly principal: Principal;
  readonly kind?: OperationKind | undefined;
  readonly state?: OperationState | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

type ListedRow = OperationRow & Bounded & { readonly at: string };

/**
 * One page, newest first; `next` is the cursor of the one after it. Reports of containers are made by machines, again
 * and again: they are listed where their kind is asked for. Throws INVALID for a cursor of another making.
 */
export async function readOperationPage(
  database: Pick<Database, 'read'>,
  { principal, kind, state, after, limit }: OperationFilter,
): Promise<{ rows: OperationRow[]; next: string | null }> {
  const cursor = after === undefined ? null : readTimeCursor(after, z.uuid());
  const params = [principal, state ?? null, cursor?.at ?? null, cursor?.id ?? null, limit + 1];
  const found =
    kind === undefined
      ? await database.read<ListedRow>(LIST, params)
      : await database.read<ListedRow>(LIST_KIND, [...params, kind]);
  const { page, last } = pageOf(found, limit);
  return { rows: page, next: last ? `${last.at}.${last.id}` : null };
}

/** Each condition on the kind is that of an index. Microseconds since 1970 are text: a Date would lose three digits. */
const list = (ofKind: string) =>
  boundedPage(
    `
  SELECT *, (extract(epoch FROM accepted_at) * 1000000)::bigint::text AS at FROM operation
  WHERE principal = $1 AND ${ofKind} AND ($2::text IS NULL OR state = $2)
    AND ($3::bigint IS NULL
      OR (accepted_at, id) < (timestamptz 'epoch' + $3::bigint * interval '1 microsecond', $4::uuid))
  ORDER BY accepted_at DESC, id DESC LIMIT $5`,
    'octet_length(body::text) + coalesce(octet_length(outcome::text), 0)',
    'accepted_at DESC, id DESC',
  );
const LIST = list(`kind <> '${UNLISTED_KIND}'`);
const LIST_KIND = list('kind = $6');
