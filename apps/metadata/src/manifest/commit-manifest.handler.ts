import { Inject, Injectable } from '@nestjs/common';
import type { CommitManifest } from '#contracts/calls/manifests';
import type { QuestionOf } from '#contracts/define-call';
import { ImageCompleted, ManifestCommitted } from '#contracts/facts';
import { digestAlgorithm, digestOf } from '#oci/digest';
import { parseManifest } from '#oci/manifest';
import { digestInvalid, stale } from '#oci/registry-error';
import { type WantedBlob, wantFills } from '../blob/want-fills';
import { Database, type Sql } from '../database/database';
import { lockBlobs, lockTags, lockVisible } from '../database/locks';
import { noteManifests } from '../journal/note-journal';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { ensureRepository } from '../names/repository.store';
import { TagStore } from '../names/tag.store';
import { recordFact } from '../outbox/outbox.store';
import { queueManifestReviews } from '../review/queue-reviews';
import { holdListed, linkBlobs, refuseOtherSizes, resurrect } from './link-blobs';
import { holdChildren, lockManifest, type ReadManifest, readReferences, writeReferences } from './write-manifest';

type Commit = QuestionOf<typeof CommitManifest>;

/** Whoever asked an upstream on behalf of a client that is known to the gateway alone. */
const NOBODY = 'upstream';

interface Missing extends WantedBlob {
  /** A fill of it failed a short while ago. */
  readonly refused: boolean;
}

/** Commits a fetched manifest with its source, links what may be linked, and has the rest fetched: one transaction. */
@Injectable()
export class CommitManifestHandler {
  constructor(
    private readonly database: Database,
    private readonly tags: TagStore,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Answers what is not here yet. Throws DIGEST_INVALID, MANIFEST_INVALID, SIZE_INVALID, STALE. */
  async commit(commit: Commit): Promise<WantedBlob[]> {
    const { digest, bytes, mediaType } = commit;
    const actual = digestOf(bytes, digestAlgorithm(digest));
    if (actual !== digest) throw digestInvalid(digest, `the manifest's bytes have the digest ${actual}`);
    const read = readReferences(digest, bytes, parseManifest(bytes, mediaType || undefined));
    return this.database.transaction('metadata.commit-manifest', (sql) => this.write(sql, commit, read));
  }

  private async write(sql: Sql, commit: Commit, read: ReadManifest): Promise<WantedBlob[]> {
    const { repository: name, source, digest, tag, operation, isPrivate } = commit;
    const principal = operation ? await lockOperation(sql, operation) : NOBODY;
    const repositoryId = await ensureRepository(sql, { name, upstream: source.upstream, isPrivate });
    if (tag) await lockTags(sql, repositoryId, [tag.name]);
    await lockManifest(sql, read);
    const isNew = await this.show(sql, repositoryId, commit, read);
    const missing = await this.link(sql, repositoryId, commit, read);
    if (operation) await addRoot(sql, operation.id, repositoryId, digest);
    if (isNew) await this.say(sql, commit, read, missing);
    const move = { repositoryId, repository: name, digest, principal, operation: operation?.id ?? null };
    if (tag) await this.tags.move(sql, { ...move, ...tag });
    return missing.map(({ digest, size }) => ({ digest, size }));
  }

  /** Makes it visible with its source. Answers whether it was not. A review stands where its last known reason ends. */
  private async show(sql: Sql, repositoryId: number, { source, digest }: Commit, read: ReadManifest): Promise<boolean> {
    const around = [digest, ...read.references.children.map((child) => child.digest)];
    const before = await lockVisible(sql, repositoryId, around);
    await sql.query(
      `WITH shown AS (
          INSERT INTO repository_manifest AS visible (repository_id, digest, upstream, credential) VALUES ($1, $2, $3, $4)
          ON CONFLICT (repository_id, digest) DO UPDATE
            SET upstream = EXCLUDED.upstream, credential = EXCLUDED.credential, detached = false
            WHERE (visible.upstream, visible.credential) IS DISTINCT FROM (EXCLUDED.upstream, EXCLUDED.credential)
              OR visible.detached
          RETURNING *) ${noteManifests('shown')}`,
      [repositoryId, digest, source.upstream, source.credential],
    );
    await queueManifestReviews(sql, repositoryId, [digest], this.config.ENTREPOT_KEEP_PULLED_MS);
    return !before.includes(digest);
  }

  private async link(sql: Sql, repositoryId: number, commit: Commit, read: ReadManifest): Promise<Missing[]> {
    const { source, operation } = commit;
    const digests = read.references.blobs.map((blob) => blob.descriptor.digest);
    await lockBlobs(sql, digests);
    await writeReferences(sql, read);
    await resurrect(sql, repositoryId, digests);
    await linkBlobs(sql, repositoryId, source, digests);
    await refuseOtherSizes(sql, repositoryId, read.digest, source.upstream);
    await holdListed(sql, digests);
    await holdChildren(sql, read.digest);
    const missing = await findMissing(sql, repositoryId, commit);
    // A new attempt of an operation asks again; a client that comes a second later does not.
    const wanted = missing.filter((blob) => operation || !blob.refused);
    const wanting = { idleMs: this.config.ENTREPOT_SESSION_IDLE_MS, operation: operation?.id ?? null };
    if (commit.fill) await wantFills(sql, repositoryId, source, wanted, wanting);
    return missing;
  }

  private async say(sql: Sql, { repository, digest }: Commit, read: ReadManifest, missing: unknown[]): Promise<void> {
    const { mediaType, kind } = read.manifest;
    const aggregate = `${repository}@${digest}`;
    const size = read.bytes.byteLength;
    await recordFact(sql, ManifestCommitted, aggregate, { repository, digest, mediaType, size });
    if (kind === 'image' && missing.length === 0)
      await recordFact(sql, ImageCompleted, aggregate, { repository, digest });
  }
}

/** Against its end, not against its other commits. Answers whose it is. */
async function lockOperation(sql: Sql, { id, epoch }: { id: string; epoch: number }): Promise<string> {
  const [row] = await sql.query<{ principal: string }>(
    `SELECT principal FROM operation WHERE id = $1 AND epoch = $2 AND state = 'running' FOR SHARE`,
    [id, epoch],
  );
  if (row === undefined) throw stale('another worker has this operation, or it has ended');
  return row.principal;
}

/** Until the operation has ended, nothing of it goes. */
async function addRoot(sql: Sql, operation: string, repositoryId: number, digest: string): Promise<void> {
  await sql.query(
    `INSERT INTO operation_manifest (operation_id, repository_id, digest) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
    [operation, repositoryId, digest],
  );
}

/** What it lists, must have, and this repository cannot read: no right, no bytes, or lost ones. */
async function findMissing(sql: Sql, repositoryId: number, { digest, source }: Commit): Promise<Missing[]> {
  return sql.query<Missing>(
    `SELECT listed.digest, listed.size, coalesce(failed.refused, false) AS refused
      FROM manifest_blob AS listed
      LEFT JOIN LATERAL (SELECT true AS refused FROM fill WHERE fill.digest = listed.digest AND upstream = $3
        AND credential = $4 AND state = 'failed' AND due_at > now() AND ended_at IS NOT NULL LIMIT 1) AS failed ON true
      WHERE manifest = $2 AND required AND NOT EXISTS (
        SELECT FROM repository_blob AS given JOIN blob ON blob.digest = given.digest
        JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
        WHERE given.repository_id = $1 AND given.digest = listed.digest)
      ORDER BY position`,
    [repositoryId, digest, source.upstream, source.credential],
  );
}
