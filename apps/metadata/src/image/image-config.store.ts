import { Inject, Injectable } from '@nestjs/common';
import type { FindConfigs, RecordConfigs, TakeConfigs } from '#contracts/calls/configs';
import { LARGEST_CONFIG } from '#contracts/calls/configs';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { DOCKER_CONFIG, OCI_CONFIG } from '#oci/media-type';
import { Database } from '../database/database';
import { msUntil } from '../database/ms-until';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';

type FoundConfig = AnswerOf<typeof FindConfigs>['configs'][number];
type Taken = AnswerOf<typeof TakeConfigs>['configs'][number];
type Said = QuestionOf<typeof RecordConfigs>['configs'][number];

/** What configs of images say: metadata cannot read them, and is told. */
@Injectable()
export class ImageConfigStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  async findConfigs({ images }: QuestionOf<typeof FindConfigs>): Promise<FoundConfig[]> {
    const rows = await this.database.read<{ position: number; object: string; size: number }>(FIND_CONFIGS, [
      images.map((image) => image.repository),
      images.map((image) => image.digest),
      [OCI_CONFIG, DOCKER_CONFIG],
      LARGEST_CONFIG,
    ]);
    const found: FoundConfig[] = images.map(() => null);
    for (const { position, object, size } of rows) found[position - 1] = { object, size };
    return found;
  }

  /** Those that nobody took lately, the longest waiting first. */
  async take(limit: number): Promise<AnswerOf<typeof TakeConfigs>> {
    const nextInMs = await this.nextInMs();
    if (nextInMs === null || nextInMs > 0) return { configs: [], nextInMs };
    const configs = await this.database.transaction('metadata.take-configs', (sql) =>
      sql.query<Taken>(TAKE_CONFIGS, [limit, this.config.ENTREPOT_LEASE_MS]),
    );
    return { configs, nextInMs: await this.nextInMs() };
  }

  private async nextInMs(): Promise<number | null> {
    const [next] = await this.database.read<{ ms: number | null }>(NEXT);
    return next?.ms ?? null;
  }

  async record(configs: readonly Said[]): Promise<void> {
    if (configs.length === 0) return;
    await this.database.transaction('metadata.record-configs', (sql) =>
      sql.query(RECORD_CONFIGS, [
        configs.map(({ manifest }) => manifest),
        configs.map(({ platform }) => JSON.stringify(platform ?? {})),
        configs.map(({ labels }) => JSON.stringify(labels)),
        configs.map(({ created }) => created),
      ]),
    );
  }
}

export const FIND_CONFIGS = `
  SELECT question.position, object.id AS object, blob.size
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS question (repository, digest, position)
  JOIN repository ON repository.name = question.repository
  JOIN repository_manifest AS visible ON visible.repository_id = repository.id AND visible.digest = question.digest
  JOIN manifest ON manifest.digest = question.digest AND manifest.kind = 'image' AND manifest.platform IS NULL
  JOIN manifest_blob AS config ON config.manifest = manifest.digest AND config.role = 'config'
    AND config.media_type = ANY($3) AND config.size <= $4
  JOIN repository_blob AS given ON given.repository_id = repository.id AND given.digest = config.digest
  JOIN blob ON blob.digest = config.digest
  JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL`;

const UNREAD = `
  FROM image_config AS unread
  CROSS JOIN LATERAL (SELECT FROM manifest_blob AS config WHERE config.manifest = unread.manifest
    AND config.role = 'config' AND config.held IS NOT NULL LIMIT 1) AS here
  WHERE unread.read_at IS NULL`;

const NEXT = `SELECT ${msUntil(`(SELECT due_at ${UNREAD} ORDER BY due_at LIMIT 1)`)} AS ms`;

const TAKE_CONFIGS = `
  WITH chosen AS (
    SELECT unread.manifest ${UNREAD} AND due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE OF unread SKIP LOCKED
  ), taken AS (
    UPDATE image_config SET due_at = now() + $2 * interval '1 millisecond' FROM chosen WHERE image_config.manifest = chosen.manifest
    RETURNING image_config.manifest)
  SELECT taken.manifest, object.id AS object, blob.size FROM taken
  JOIN manifest_blob AS config ON config.manifest = taken.manifest AND config.role = 'config'
  JOIN blob ON blob.digest = config.held
  JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL`;

const RECORD_CONFIGS = `
  WITH said AS (
    SELECT * FROM unnest($1::text[], $2::jsonb[], $3::jsonb[], $4::timestamptz[])
      AS said (digest, platform, labels, created) ORDER BY digest
  ), platforms AS (
    UPDATE manifest SET platform = said.platform FROM said
    WHERE manifest.digest = said.digest AND manifest.platform IS NULL
  )
  UPDATE image_config SET read_at = now(), labels = said.labels, created_at = said.created FROM said
  WHERE image_config.manifest = said.digest AND image_config.read_at IS NULL`;
