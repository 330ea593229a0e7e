import { TagRemoved } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import type { Sql } from '../database/database';
import { noteTags } from '../journal/note-journal';
import { recordFacts } from '../outbox/outbox.store';

export interface TagRemoval {
  readonly repositoryId: number;
  readonly repository: string;
  /** Only tags that name this manifest are taken away. */
  readonly digest: string;
  readonly tags: readonly string[];
  readonly principal: string;
  readonly operation: string | null;
}

/**
 * Takes tags away, with their history, the journal and their facts. The caller holds their locks (`lockTags`), and queues the
 * review of what they named. Answers their names.
 */
export async function removeTags(sql: Sql, removal: TagRemoval): Promise<string[]> {
  const { repositoryId, repository, digest, tags, principal, operation } = removal;
  const gone = await sql.query<{ name: string }>(
    `WITH gone AS (
       DELETE FROM tag WHERE repository_id = $1 AND digest = $2 AND name = ANY($3) RETURNING name
     ), moved AS (
       INSERT INTO tag_move (repository_id, name, from_digest, to_digest, principal, operation_id)
       SELECT $1, name, $2, NULL, $4, $5 FROM gone ORDER BY name RETURNING *
     ), noted AS (${noteTags('moved')})
     SELECT name FROM gone ORDER BY name`,
    [repositoryId, digest, tags, principal, operation],
  );
  const names = gone.map(({ name }) => name);
  const facts = names.map((name) => ({
    aggregate: `${repository}:${name}`,
    data: { repository, tag: name, from: digest as Digest },
  }));
  await recordFacts(sql, TagRemoved, facts);
  return names;
}
