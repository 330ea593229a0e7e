import type { ContainerOutcome, ContainerState } from '#contracts/bodies/container';
import type { Container } from '#contracts/calls/containers';
import type { Digest } from '#oci/digest';
import type { RepositoryName } from '#oci/repository-name';

/** A container with its repository's name. */
export interface ContainerRow {
  readonly id: string;
  readonly name: string;
  readonly repositoryId: number;
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly tag: string | null;
  readonly state: ContainerState;
  readonly reporter: string | null;
}

/** Of `container` and `repository`. */
export const CONTAINER_COLUMNS = `container.id, container.name, container.repository_id AS "repositoryId",
  repository.name AS repository, container.digest, container.tag, container.state, container.reporter`;

/** A container as it is shown. */
export interface ShownRow extends ContainerRow {
  readonly manifest: Digest | null;
  readonly tag_names: Digest | null;
  readonly image_removed_at: Date | null;
  readonly exit_code: number | null;
  readonly labels: Record<string, string>;
  readonly own_labels: Record<string, string>;
  readonly reported_id: string | null;
  readonly principal: string;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly changed_at: Date;
}

/** A container's labels: its own, and beside them its image's, as far as that one's config was read. Of `container`. */
export const ALL_LABELS = `(coalesce((SELECT image_config.labels FROM image_config
  WHERE image_config.manifest = container.manifest), '{}') || container.labels)`;

/** Of `container`, `repository` and the `tag` that it was made by. */
export const SHOWN_COLUMNS = `${CONTAINER_COLUMNS}, container.manifest, tag.digest AS tag_names,
  container.image_removed_at, container.exit_code, ${ALL_LABELS} AS labels, container.labels AS own_labels, container.reported_id, container.principal,
  container.created_at, container.started_at, container.finished_at, container.changed_at`;

/** Asked row by row, from an index: the planner must not read whole tables for one page (OFFSET 0 says so to it). */
export const WITH_REPOSITORY = `
  CROSS JOIN LATERAL (SELECT name FROM repository WHERE id = container.repository_id OFFSET 0) AS repository`;

export const WITH_IMAGE = `${WITH_REPOSITORY}
  LEFT JOIN LATERAL (SELECT tag.digest FROM tag
    WHERE tag.repository_id = container.repository_id AND tag.name = container.tag OFFSET 0) AS tag ON true`;

export function toContainer(row: ShownRow): Container {
  const { repository, digest, tag, manifest } = row;
  const moved = tag !== null && row.tag_names !== digest;
  const removed = row.image_removed_at !== null;
  return {
    id: row.id,
    name: row.name,
    image: { repository, digest, tag, manifest, tagNames: row.tag_names, moved, removed },
    state: row.state,
    exitCode: row.exit_code,
    labels: row.labels,
    reporter: row.reporter,
    reportedId: row.reported_id,
    principal: row.principal,
    createdAt: row.created_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
    changedAt: row.changed_at.toISOString(),
  };
}

export function toOutcome({ id, name, state, repository, digest, tag }: ContainerRow): ContainerOutcome {
  return { container: id, name, state, repository, digest, tag };
}

/** What facts say of a container. */
export function factOf(row: ContainerRow) {
  return { ...toOutcome(row), reporter: row.reporter };
}
