import { Injectable } from '@nestjs/common';
import type { FindConfigs, RecordPlatforms } from '#contracts/calls/platforms';
import { LARGEST_CONFIG } from '#contracts/calls/platforms';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { DOCKER_CONFIG, OCI_CONFIG } from '#oci/media-type';
import { Database } from '../database/database';

type FoundConfig = AnswerOf<typeof FindConfigs>['configs'][number];
type Said = QuestionOf<typeof RecordPlatforms>['platforms'][number];

/** Platforms of images whose manifest is in no index: their configs say them, which metadata cannot read. */
@Injectable()
export class ImagePlatformStore {
  constructor(private readonly database: Database) {}

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

  /** They follow from bytes that were verified, and so are written once. */
  async record(platforms: readonly Said[]): Promise<void> {
    if (platforms.length === 0) return;
    await this.database.transaction('metadata.record-platforms', (sql) =>
      sql.query(
        `UPDATE manifest SET platform = said.platform
          FROM (SELECT * FROM unnest($1::text[], $2::jsonb[]) AS said (digest, platform) ORDER BY digest) AS said
          WHERE manifest.digest = said.digest AND manifest.platform IS NULL`,
        [platforms.map(({ manifest }) => manifest), platforms.map(({ platform }) => JSON.stringify(platform ?? {}))],
      ),
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
