import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Container, ContainerFilter, ReadContainer } from '#contracts/calls/containers';
import type { AnswerOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { isRegistryError, notFound } from '#oci/registry-error';
import type { RunOverrides } from '#oci/run-overrides';
import { type Bounded, boundedPage, pageOf } from '../database/bounded-page';
import { Database } from '../database/database';
import { readTimeCursor, type TimeCursor } from '../database/read-cursor';
import { ImageNameStore } from '../image/image-name.store';
import { MOST_LOOKED_INTO } from '../names/name-pattern';
import { SHOWN_COLUMNS, type ShownRow, toContainer, WITH_IMAGE } from './container-rows';
import { findContainer } from './find-container';
import { labelCondition, labelParams, readLabelFilter } from './read-label-filter';

export interface ContainerPage extends ContainerFilter {
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Containers as people look at them. */
@Injectable()
export class ContainerStore {
  constructor(
    private readonly database: Database,
    private readonly names: ImageNameStore,
  ) {}

  /**
   * Newest first. A page by name or label looks at so many containers and no more: it may be short, or empty, and have a
   * next one. Throws INVALID for a cursor of another making, and what an ambiguous image throws.
   */
  async list(asked: ContainerPage): Promise<{ containers: Container[]; next: string | null }> {
    const { state, name, labels, reporter, after, limit } = asked;
    const image = await this.findImage(asked.image);
    if (image === null) return { containers: [], next: null };
    const cursor = after === undefined ? null : readTimeCursor(after, ContainerIdSchema);
    const within = [state ?? null, reporter ?? null, image?.repositoryId ?? null, image?.digest ?? null];
    const from = [cursor?.at ?? null, cursor?.id ?? null];
    const isLookedInto = name !== undefined || labels.length > 0;
    const [edge] = isLookedInto ? await this.database.read<TimeCursor>(CONTAINER_EDGE, [...within, ...from]) : [];
    const rows = await this.database.read<ShownRow & Bounded & { at: string }>(LIST, [
      ...within,
      ...from,
      ...[edge?.at ?? null, edge?.id ?? null],
      ...[name?.toLowerCase() ?? null, limit + 1],
      ...labelParams(readLabelFilter(labels)),
    ]);
    const { page, last = edge } = pageOf(rows, limit);
    return { containers: page.map(toContainer), next: last ? `${last.at}.${last.id}` : null };
  }

  /** Throws NOT_FOUND, CONFLICT. */
  async read(text: string): Promise<AnswerOf<typeof ReadContainer>> {
    const reading = {
      query: <Row>(query: string, params?: readonly unknown[]) => this.database.read<Row>(query, params),
    };
    const { id } = await findContainer(reading, text);
    const [row] = await this.database.read<ReadRow>(READ, [id]);
    if (!row) throw notFound(`container ${text}`, { container: text });
    const { run, config_digest, config_object, config_size } = row;
    const config =
      config_digest && config_object && config_size !== null
        ? { digest: config_digest, object: config_object, size: config_size }
        : null;
    const container = toContainer(row);
    const overrides = container.reporter === null ? { ...run, labels: row.own_labels } : {};
    return { container, overrides, config };
  }

  /** What none is made from is no fault. Undefined where no image was asked for, null where there is none. */
  private async findImage(text: string | undefined) {
    if (text === undefined) return undefined;
    try {
      return await this.names.find({ query: this.database.read.bind(this.database) }, text, 'image');
    } catch (error) {
      if (isRegistryError(error, 'NOT_FOUND')) return null;
      throw error;
    }
  }
}

interface ReadRow extends ShownRow {
  readonly run: RunOverrides;
  readonly config_digest: Digest | null;
  readonly config_object: string | null;
  readonly config_size: number | null;
}

const ContainerIdSchema = z.string().regex(/^[0-9a-f]{64}$/);

/** Microseconds since 1970, as text: what the cursor carries, since a Date would lose the last three digits. */
const AT = '(extract(epoch FROM container.created_at) * 1000000)::bigint::text AS at';
const momentOf = (at: string) => `timestamptz 'epoch' + ${at}::bigint * interval '1 microsecond'`;
const NEWEST_FIRST = 'ORDER BY container.created_at DESC, container.id DESC';

/** What an index answers, behind where the page before ended ($5 and $6). */
const WITHIN = `($1::text IS NULL OR container.state = $1) AND ($2::text IS NULL OR container.reporter = $2)
    AND ($3::bigint IS NULL OR container.repository_id = $3 AND container.digest = $4)
    AND ($5::bigint IS NULL OR (container.created_at, container.id) < (${momentOf('$5')}, $6::text))`;

/** The last container that a page looks at; no row where it looks at all. */
export const CONTAINER_EDGE = `
  SELECT ${AT}, container.id FROM container WHERE ${WITHIN}
  ${NEWEST_FIRST} OFFSET ${MOST_LOOKED_INTO - 1} LIMIT 1`;

/** $7 and $8: the last that is looked at. */
export const LIST = `
  WITH page AS MATERIALIZED (SELECT * FROM container
  WHERE ${WITHIN} AND ($7::bigint IS NULL OR (container.created_at, container.id) >= (${momentOf('$7')}, $8::text))
    AND ($9::text IS NULL OR position($9 IN lower(container.name)) > 0)
    AND ${labelCondition(11)}
  ${NEWEST_FIRST} LIMIT $10)
  ${boundedPage(
    `SELECT ${SHOWN_COLUMNS}, ${AT} FROM page AS container ${WITH_IMAGE}`,
    'octet_length(labels::text)',
    'created_at DESC, id DESC',
  )}`;

/** The config is read by whoever may read the container's image. */
const READ = `
  SELECT ${SHOWN_COLUMNS}, container.run, config.digest AS config_digest, config.object_id AS config_object,
    config.size AS config_size
  FROM container ${WITH_IMAGE}
  LEFT JOIN LATERAL (
    SELECT blob.digest, object_id, blob.size FROM manifest_blob AS listed
    JOIN repository_blob AS given ON given.repository_id = container.repository_id AND given.digest = listed.digest
    JOIN blob ON blob.digest = listed.digest JOIN object ON object.id = object_id AND object.lost_at IS NULL
    WHERE listed.manifest = coalesce(container.manifest, container.digest) AND listed.role = 'config' LIMIT 1
  ) AS config ON true
  WHERE container.id = $1`;
