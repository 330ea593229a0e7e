import { Injectable } from '@nestjs/common';
import type { FindHolders, JudgeStrays, ListObjects } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';
import { Database } from '../database/database';

type Listed = AnswerOf<typeof ListObjects>['objects'][number];
type Holder = AnswerOf<typeof FindHolders>['holders'][number];

interface StrayRow {
  readonly restored: boolean;
  readonly state: string | null;
  readonly keys: (string | null)[];
}

const none = (why: string): AnswerOf<typeof JudgeStrays> => ({ may: 'none', keys: [], why });

const JUDGE = `
  SELECT generation <> reconciled_generation AS restored, (SELECT state FROM object WHERE id = $1) AS state,
    ARRAY(SELECT key FROM extent WHERE object_id = $1) AS keys
  FROM installation`;

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

  /** What of an object that the store has no row names, or ever will. */
  async judgeStrays(object: string): Promise<AnswerOf<typeof JudgeStrays>> {
    const [row] = await this.database.read<StrayRow>(JUDGE, [object]);
    const { restored, state, keys } = row!;
    if (restored) return none('the database was restored, and is not compared with the store yet');
    if (state === null) return { may: 'all', keys: [], why: '' };
    if (state !== 'live') return none(`the object is ${state}`);
    // An object without keys is one file: nothing of it is another's.
    return keys.includes(null) ? none('the object is live') : { may: 'others', keys: keys as string[], why: '' };
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
