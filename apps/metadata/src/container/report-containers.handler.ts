import { Inject, Injectable } from '@nestjs/common';
import type {
  ContainerReportBody,
  ContainerReportOutcome,
  ReportedContainer,
} from '#contracts/bodies/container-report';
import { MOST_NAMES } from '#contracts/bodies/remove';
import { ContainerChanged, ContainerCreated } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import { withoutUser } from '#oci/reference';
import type { Sql } from '../database/database';
import { ImageNameStore } from '../image/image-name.store';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import type { Done } from '../operation/done';
import type { OperationRow } from '../operation/operation-rows';
import { recordFacts } from '../outbox/outbox.store';
import { claimReporter } from './claim-reporter';
import { CONTAINER_COLUMNS, factOf, WITH_REPOSITORY } from './container-rows';
import { findReportedImage, type ReportedImage } from './find-reported-image';
import { type NewRow, planReport, type ReportedRow, type ReportPlan, refuseTwins } from './plan-report';
import { releaseUsed, removeContainers } from './remove-containers';

/** Takes reports in: what an engine or a cluster runs is in use here, for as long as it says so. */
@Injectable()
export class ReportContainersHandler {
  constructor(
    private readonly names: ImageNameStore,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Replaces the reporter's whole set. Throws INVALID for twins, and as `claimReporter` does. */
  async report(sql: Sql, { id, principal, body }: Pick<OperationRow, 'id' | 'principal' | 'body'>): Promise<Done> {
    const asked = withoutUsers(body as ContainerReportBody);
    refuseTwins(asked.containers);
    const { leasedUntil, sequence } = await claimReporter(sql, asked, principal);
    const before = await readSet(sql, asked.reporter);
    const images = await this.findImages(sql, asked.containers, before);
    const held = asked.containers.flatMap((container) => {
      const image = images.get(container);
      return image ? [{ container, image }] : [];
    });
    const plan = planReport(asked.reporter, before, held);
    await this.apply(sql, plan, principal);
    await forgetSet(sql, id);
    const unknown = [...new Set(asked.containers.flatMap((each) => (images.get(each) ? [] : [each.image])))];
    const outcome: ContainerReportOutcome = {
      reporter: asked.reporter,
      created: plan.created.length,
      changed: plan.changed.length,
      removed: plan.removed.length,
      kept: plan.kept,
      unknown: unknown.slice(0, MOST_NAMES),
      unknownCount: unknown.length,
      leasedUntil: leasedUntil.toISOString(),
      sequence,
    };
    return { outcome };
  }

  /** Those that are here, locked. What was found for a container stays its image while it says the same of it. */
  private async findImages(
    sql: Sql,
    containers: readonly ReportedContainer[],
    before: readonly ReportedRow[],
  ): Promise<Map<ReportedContainer, ReportedImage>> {
    const known = new Map(before.map((row) => [`${row.reported_id}\0${keyOf(row.run)}`, row]));
    const found = new Map<string, Promise<ReportedImage | null>>();
    const images = new Map<ReportedContainer, ReportedImage>();
    for (const container of containers) {
      const key = keyOf(container);
      const row = known.get(`${container.id}\0${key}`);
      if (!row && !found.has(key)) found.set(key, findReportedImage(sql, this.names, container));
      const image = row ?? (await found.get(key));
      if (image) images.set(container, image);
    }
    const locked = await lockImages(sql, [...images.values()]);
    return new Map([...images].filter(([, image]) => locked.has(placeOf(image))));
  }

  private async apply(sql: Sql, { created, changed, removed }: ReportPlan, principal: string): Promise<void> {
    const reviewInMs = this.config.ENTREPOT_REVIEW_DELAY_MS;
    const gone = removed.map((row) => row.id);
    await removeContainers(sql, gone, { reviewInMs });
    await change(
      sql,
      changed.map(({ now }) => now),
    );
    await insert(sql, created, principal);
    await recordFacts(
      sql,
      ContainerChanged,
      changed.map(({ before, now }) => ({
        aggregate: now.id,
        data: { ...factOf(now), from: { name: before.name, state: before.state } },
      })),
    );
    await recordFacts(
      sql,
      ContainerCreated,
      created.map((row) => ({ aggregate: row.id, data: factOf(row) })),
    );
    const left = changed.flatMap(({ before, now }) => (placeOf(before) === placeOf(now) ? [] : [before]));
    await releaseUsed(sql, left, reviewInMs);
  }
}

/** An engine names an image as it was typed there. */
function withoutUsers({ containers, ...report }: ContainerReportBody): ContainerReportBody {
  return { ...report, containers: containers.map((said) => ({ ...said, image: withoutUser(said.image) })) };
}

const keyOf = ({ image, digest }: { image: string; digest?: string | undefined }) => `${image}\0${digest ?? ''}`;
const placeOf = ({ repositoryId, digest }: { repositoryId: number; digest: string }) => `${repositoryId} ${digest}`;

function readSet(sql: Sql, reporter: string): Promise<ReportedRow[]> {
  return sql.query<ReportedRow>(
    `SELECT ${CONTAINER_COLUMNS}, container.reported_id, container.labels, container.run
      FROM container ${WITH_REPOSITORY} WHERE container.reporter = $1`,
    [reporter],
  );
}

async function lockImages(sql: Sql, images: readonly ReportedImage[]): Promise<Set<string>> {
  const rows = await sql.query<{ repositoryId: number; digest: Digest }>(
    `SELECT visible.repository_id AS "repositoryId", visible.digest
      FROM (SELECT DISTINCT * FROM unnest($1::bigint[], $2::text[]) AS used (repository_id, digest)) AS used
      JOIN repository_manifest AS visible USING (repository_id, digest)
      ORDER BY visible.digest, visible.repository_id FOR KEY SHARE OF visible`,
    [images.map(({ repositoryId }) => repositoryId), images.map(({ digest }) => digest)],
  );
  return new Set(rows.map(placeOf));
}

const ROWS = `jsonb_to_recordset($1::jsonb) AS said (id text, name text, "repositoryId" bigint, digest text, tag text,
  state text, labels jsonb, run jsonb, reporter text, reported_id text, "createdAt" timestamptz)`;

async function insert(sql: Sql, rows: readonly NewRow[], principal: string): Promise<void> {
  if (rows.length === 0) return;
  await sql.query(
    `INSERT INTO container (id, name, repository_id, digest, tag, state, labels, run, reporter, reported_id, principal,
        created_at)
      SELECT id, name, "repositoryId", digest, tag, state, labels, run, reporter, reported_id, $2,
        coalesce("createdAt", now()) FROM ${ROWS} ORDER BY id`,
    [JSON.stringify(rows), principal],
  );
}

/** Names go first: two that have changed theirs with each other have them both for no moment. */
async function change(sql: Sql, rows: readonly NewRow[]): Promise<void> {
  if (rows.length === 0) return;
  const said = JSON.stringify(rows);
  await sql.query(
    `UPDATE container SET name = container.id FROM ${ROWS} WHERE container.id = said.id AND container.name <> said.name`,
    [said],
  );
  await sql.query(
    `UPDATE container SET name = said.name, repository_id = said."repositoryId", digest = said.digest, tag = said.tag,
        state = said.state, labels = said.labels, run = said.run, changed_at = clock_timestamp(),
        image_removed_at = CASE WHEN container.digest = said.digest THEN container.image_removed_at END
      FROM ${ROWS} WHERE container.id = said.id`,
    [said],
  );
}

/** A heartbeat's set is as long as an engine is large: its operation keeps what came of it. */
async function forgetSet(sql: Sql, operation: string): Promise<void> {
  await sql.query(`UPDATE operation SET body = body - 'containers' WHERE id = $1`, [operation]);
}
