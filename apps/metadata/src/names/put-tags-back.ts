import { TagMoved } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import type { Sql } from '../database/database';
import { noteTags } from '../journal/note-journal';
import { recordFacts } from '../outbox/outbox.store';

export interface TagsBack {
  readonly repositoryId: number;
  readonly repository: string;
  readonly digest: Digest;
  readonly tags: readonly string[];
  readonly principal: string;
  readonly operation: string;
}

/**
 * Has tags that are not there name a manifest again, with their history, the journal and their facts. The caller holds
 * their locks (`lockTags`), and that of the manifest in its repository. Those that are there are left alone.
 */
export async function putTagsBack(sql: Sql, back: TagsBack): Promise<void> {
  const { repositoryId, repository, digest, tags, principal, operation } = back;
  const made = await sql.query<{ name: string }>(
    `WITH made AS (
       INSERT INTO tag (repository_id, name, digest) SELECT $1, name, $3 FROM unnest($2::text[]) AS name ORDER BY name
       ON CONFLICT DO NOTHING RETURNING name
     ), moved AS (
       INSERT INTO tag_move (repository_id, name, from_digest, to_digest, principal, operation_id)
       SELECT $1, name, NULL, $3, $4, $5 FROM made ORDER BY name RETURNING *
     ), noted AS (${noteTags('moved')})
     SELECT name FROM made ORDER BY name`,
    [repositoryId, tags, digest, principal, operation],
  );
  const facts = made.map(({ name: tag }) => ({
    aggregate: `${repository}:${tag}`,
    data: { repository, tag, from: null, to: digest },
  }));
  await recordFacts(sql, TagMoved, facts);
}
