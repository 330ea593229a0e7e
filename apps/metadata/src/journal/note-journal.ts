/*
 * The journal says how names change: which repositories there are, what each shows and may read, and what its tags name. Entries are
 * written by the statement that makes the change, so that there is never one without the other. What is said of one
 * name is said under its lock, and so in order. Each of these ends a statement, and takes rows of a part of it.
 */

/** `rows` have the columns of `repository`. */
export const noteRepositories = (rows: string) => `
  INSERT INTO journal (entry)
    SELECT jsonb_build_object('kind', 'repository', 'repository', name, 'upstream', upstream, 'private', is_private)
    FROM ${rows}`;

/** `rows` have the columns of `repository_manifest`. The manifest's bytes are added when the entry leaves. */
export const noteManifests = (rows: string) => `
  INSERT INTO journal (entry)
    SELECT jsonb_build_object('kind', 'manifest', 'repository', repository.name, 'digest', digest,
      'upstream', ${rows}.upstream, 'credential', credential)
    FROM ${rows} JOIN repository ON repository.id = repository_id`;

/** As `noteManifests`, of what has left its repository. */
export const noteRemovedManifests = (rows: string) => `
  INSERT INTO journal (entry)
    SELECT jsonb_build_object('kind', 'manifest-removed', 'repository', repository.name, 'digest', digest)
    FROM ${rows} JOIN repository ON repository.id = repository_id`;

/** `rows` have the columns of `tag_move`. */
export const noteTags = (rows: string) => `
  INSERT INTO journal (entry)
    SELECT jsonb_strip_nulls(jsonb_build_object('kind', CASE WHEN to_digest IS NULL THEN 'tag-removed' ELSE 'tag' END,
      'repository', repository.name, 'tag', ${rows}.name, 'digest', to_digest, 'principal', principal))
    FROM ${rows} JOIN repository ON repository.id = repository_id ORDER BY ${rows}.id`;

/** `rows` have the columns of `repository_blob`: each digest's bytes may be read there, as this source gave them. */
export const noteRights = (rows: string) => `
  INSERT INTO journal (entry)
    SELECT jsonb_build_object('kind', 'rights', 'repository', repository.name, 'upstream', ${rows}.upstream,
      'credential', credential, 'digests', jsonb_agg(digest ORDER BY digest))
    FROM ${rows} JOIN repository ON repository.id = repository_id
    GROUP BY repository.name, ${rows}.upstream, credential`;

/** As `noteRights`, of those that have ended. */
export const noteEndedRights = (rows: string) => `
  INSERT INTO journal (entry)
    SELECT jsonb_build_object('kind', 'rights-ended', 'repository', repository.name,
      'digests', jsonb_agg(digest ORDER BY digest))
    FROM ${rows} JOIN repository ON repository.id = repository_id GROUP BY repository.name`;
