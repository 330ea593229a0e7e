import { Injectable } from '@nestjs/common';
import type { FindHolders, ListObjects } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';
import { Database } from '../database/database';

type Listed = AnswerOf<typeof ListObjects>['objects'][number];
type Holder = AnswerOf<typeof FindHolders>['holders'][number];

/** What rows claim of storage. */
@Injectable()
export class ObjectListStore {
  constructor(private readonly database: Database) {}

  async list(after: string | undefined, limit: number): Promise<AnswerOf<typeof ListObjects>> {
    const objects = await this.database.read<Listed>(
      `SELECT object.id AS object, state, digest, size, lost_at IS NOT NULL AS lost, coalesce((
          SELECT jsonb_agg(jsonb_build_object('offset', start, 'length', length, 'key', key) ORDER BY start)
          FROM extent WHERE extent.object_id = object.id), '[]') AS extents,
          CASE WHEN expires_at IS NULL THEN 'none' WHEN expires_at < now() THEN 'expired' ELSE 'open' END AS session
        FROM object LEFT JOIN upload_session ON upload_session.object_id = object.id
        WHERE object.id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY object.id LIMIT $2`,
      [after ?? null, limit],
    );
    return { objects, next: objects.length === limit ? (objects.at(-1)?.object ?? null) : null };
  }

  /** Of each digest one manifest that holds it, where a repository shows one: an upstream's first. */
  async holders(digests: readonly string[]): Promise<Holder[]> {
    const rows = await this.database.read<{ holder: Holder }>(
      `SELECT (SELECT jsonb_build_object('repository', repository.name, 'upstream', visible.upstream, 'manifest', visible.digest)
          FROM manifest_blob AS listed JOIN repository_manifest AS visible ON visible.digest = listed.manifest
          JOIN repository ON repository.id = visible.repository_id WHERE listed.held = asked.digest
          ORDER BY visible.upstream IS NULL, visible.digest LIMIT 1) AS holder
        FROM unnest($1::text[]) WITH ORDINALITY AS asked (digest, position) ORDER BY position`,
      [digests],
    );
    return rows.map(({ holder }) => holder);
  }
}
