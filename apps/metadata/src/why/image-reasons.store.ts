import { Inject, Injectable } from '@nestjs/common';
import { type KeepingRoot, MOST_ROOTS } from '#contracts/calls/why';
import type { Digest } from '#oci/digest';
import type { Sql } from '../database/database';
import type { HeldImage } from '../image/image-name.store';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { type FoundRoot, inMs, readLinks, readRoots } from '../review/keep-reasons';
import { type Step, tracePaths } from './trace-path';

type Reading = Pick<Sql, 'query'>;

export interface Reasons {
  readonly roots: readonly KeepingRoot[];
  readonly moreRoots: boolean;
  /** Whether one of them ends only when somebody does something. */
  readonly stands: boolean;
  /** When it goes, in milliseconds since 1970; null where it stays, or nothing says when it is looked at. */
  readonly goesAtMs: number | null;
}

/** What keeps a manifest in its repository, as a review of it would find now. */
@Injectable()
export class ImageReasonsStore {
  constructor(@Inject(METADATA_CONFIG) private readonly config: MetadataConfig) {}

  async read(sql: Reading, { repositoryId, repository, digest }: HeldImage): Promise<Reasons> {
    const paths = tracePaths(await readLinks(sql, repositoryId, digest), digest);
    const above = [...paths.keys()];
    const keepMs = this.config.ENTREPOT_KEEP_PULLED_MS;
    const found = await readRoots(sql, repositoryId, above, keepMs, MOST_ROOTS + 1);
    const stands = found[0]?.untilMs === null;
    return {
      roots: found.slice(0, MOST_ROOTS).map((root) => toRoot(root, repository, paths.get(root.digest) ?? [])),
      moreRoots: found.length > MOST_ROOTS,
      stands,
      goesAtMs: stands ? null : latest(await readDue(sql, repositoryId, above), found[0]?.untilMs),
    };
  }
}

/** Null where the first of them is: without it the others say nothing. */
export function latest(first: number | null, ...others: readonly (number | null | undefined)[]): number | null {
  return first === null ? null : Math.max(first, ...others.map((each) => each ?? 0));
}

/**
 * It goes with the first review of it, or of anything that it stays for, once the last reason has ended: what goes
 * above has what is below reviewed at once.
 */
async function readDue(sql: Reading, repositoryId: number, above: readonly string[]): Promise<number | null> {
  const [row] = await sql.query<{ due: number | null }>(
    `SELECT ${inMs('min(due_at)')} AS due FROM review
      WHERE kind = 'manifest' AND repository_id = $1 AND digest = ANY($2)`,
    [repositoryId, above],
  );
  return row?.due ?? null;
}

function toRoot({ root, name, untilMs }: FoundRoot, repository: string, path: readonly Step[]): KeepingRoot {
  return {
    root,
    name,
    repository,
    until: toTime(untilMs),
    path: path.map(({ digest, via }) => ({ digest: digest as Digest, via })),
  };
}

export function toTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
