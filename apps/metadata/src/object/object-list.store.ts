import { Injectable } from '@nestjs/common';
import type { ListObjects } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';
import { Database } from '../database/database';

type Listed = AnswerOf<typeof ListObjects>['objects'][number];

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
}
