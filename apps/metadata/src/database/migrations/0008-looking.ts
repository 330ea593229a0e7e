import type { MigrationInterface, QueryRunner } from 'typeorm';
import { DOCKER_CONFIG, OCI_CONFIG } from '#oci/media-type';

/**
 * What configs of images say, as rows: images are looked for by it. A row is there as soon as its manifest is, and is
 * filled once the config's bytes were read; they never change.
 */
export class Looking0008 implements MigrationInterface {
  readonly name = 'Looking0000000000008';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query(`CREATE TABLE image_config (
      manifest text COLLATE "C" PRIMARY KEY REFERENCES manifest (digest) ON DELETE CASCADE,
      read_at timestamptz,
      due_at timestamptz NOT NULL DEFAULT now(),
      labels jsonb NOT NULL DEFAULT '{}',
      created_at timestamptz
    )`);
    await queries.query('CREATE INDEX image_config_due ON image_config (due_at) WHERE read_at IS NULL');
    await queries.query('CREATE INDEX image_config_labels ON image_config USING gin (labels jsonb_path_ops)');
    await queries.query(
      `INSERT INTO image_config (manifest)
        SELECT DISTINCT manifest FROM manifest_blob WHERE role = 'config' AND media_type = ANY($1)`,
      [[OCI_CONFIG, DOCKER_CONFIG]],
    );
    await queries.query(
      'CREATE INDEX repository_manifest_committed ON repository_manifest (committed_at DESC, repository_id, digest)',
    );
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('DROP INDEX repository_manifest_committed');
    await queries.query('DROP TABLE image_config');
  }
}
