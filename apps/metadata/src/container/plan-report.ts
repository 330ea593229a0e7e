import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ReportedContainer } from '#contracts/bodies/container-report';
import { toMoment } from '#contracts/moment';
import { invalidField } from '#oci/registry-error';
import type { ContainerRow } from './container-rows';
import type { ReportedImage } from './find-reported-image';

/** A container as its reporter last said it. */
export interface ReportedRow extends ContainerRow {
  readonly reported_id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly run: { readonly image: string; readonly digest?: string };
}

export interface NewRow extends ReportedRow {
  readonly createdAt: string | null;
}

export interface ReportPlan {
  readonly created: readonly NewRow[];
  readonly changed: readonly { readonly before: ReportedRow; readonly now: NewRow }[];
  readonly removed: readonly ReportedRow[];
  readonly kept: number;
}

/** A reporter's names never meet another's, nor those that are given here, which have no slash. */
export const nameOf = (reporter: string, name: string) => `${reporter}/${name}`;

/** The same for the same container as often as it is reported; nobody reports another's. */
export const idOf = (reporter: string, id: string) => createHash('sha256').update(`${reporter}\0${id}`).digest('hex');

/** Throws INVALID where two have one id or one name. */
export function refuseTwins(containers: readonly ReportedContainer[]): void {
  for (const field of ['id', 'name'] as const) {
    const seen = new Map<string, number>();
    for (const [at, container] of containers.entries()) {
      const first = seen.get(container[field]);
      if (first !== undefined) throw invalidField(`containers.${at}.${field}`, `is that of containers.${first} too`);
      seen.set(container[field], at);
    }
  }
}

/** What a report changes of the set before it. Containers of images that are not here are not among the `reported`. */
export function planReport(
  reporter: string,
  before: readonly ReportedRow[],
  reported: readonly { readonly container: ReportedContainer; readonly image: ReportedImage }[],
): ReportPlan {
  const known = new Map(before.map((row) => [row.reported_id, row]));
  const rows = reported.map(({ container, image }) => toRow(reporter, container, image));
  const stay = new Set(rows.map((row) => row.reported_id));
  const changed = rows.flatMap((now) => {
    const row = known.get(now.reported_id);
    return row && !isDeepStrictEqual(plain(row), plain(now)) ? [{ before: row, now }] : [];
  });
  const created = rows.filter((row) => !known.has(row.reported_id));
  const removed = before.filter((row) => !stay.has(row.reported_id));
  return { created, changed, removed, kept: rows.length - created.length - changed.length };
}

const plain = ({ name, repositoryId, digest, tag, state, labels, run }: ReportedRow) => ({
  ...{ name, repositoryId, digest, tag, state, labels: { ...labels }, run: { ...run } },
});

function toRow(reporter: string, said: ReportedContainer, image: ReportedImage): NewRow {
  const { repositoryId, repository, digest, tag } = image;
  return {
    id: idOf(reporter, said.id),
    name: nameOf(reporter, said.name),
    ...{ repositoryId, repository, digest, tag, reporter },
    state: said.state,
    reported_id: said.id,
    labels: said.labels,
    run: { image: said.image, ...(said.digest === undefined ? {} : { digest: said.digest }) },
    createdAt: toMoment(said.createdAt ?? '') ?? null,
  };
}
