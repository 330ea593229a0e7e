import { Inject, Injectable } from '@nestjs/common';
import type { Source } from '#contracts/calls/manifests';
import { BlobStored, ImageCompleted } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import { blobUploadInvalid, blobUploadUnknown, digestInvalid, isRegistryError } from '#oci/registry-error';
import { writePins } from '../blob/pin.store';
import { Database, type Sql } from '../database/database';
import { lockBlobs } from '../database/locks';
import { noteRights } from '../journal/note-journal';
import { holdListed, linkWaiting } from '../manifest/link-blobs';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { queueComposing } from '../object/queue-composing';
import { recordFact } from '../outbox/outbox.store';
import { queueBlobReviews } from '../review/queue-reviews';
import { acknowledged, lockSession, readExtents, type SessionRow } from './session.store';

export interface Finish {
  readonly session: string;
  readonly epoch: number;
  readonly digest: Digest;
  readonly size: number;
}

interface Usable {
  readonly object_id: string;
  readonly lost: boolean;
}

/** The verified end of an upload, in one transaction: the bytes become a blob, or lose to one that is here. */
@Injectable()
export class FinishSessionHandler {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Answers the object that the digest names then. Repeated after it succeeded, it answers the same. */
  async finish(finish: Finish): Promise<string> {
    return this.database.transaction('metadata.finish-session', async (sql) => {
      const session = await this.take(sql, finish);
      if (session === null) return finishedAs(sql, finish);
      await lockWaiting(sql, finish.digest);
      await lockBlobs(sql, [finish.digest], 'UPDATE');
      const source = await endFill(sql, finish.session);
      const object = await this.settle(sql, finish);
      await this.give(sql, finish.digest, session.repository_id, source);
      await recordFact(sql, BlobStored, finish.digest, { digest: finish.digest, size: finish.size });
      await sayCompleted(sql, finish.digest);
      return object;
    });
  }

  /** The session, locked; null once it has ended. Throws STALE, DIGEST_INVALID, BLOB_UPLOAD_INVALID. */
  private async take(sql: Sql, { session: id, epoch, digest, size }: Finish): Promise<SessionRow | null> {
    const session = await lockSession(sql, id, epoch).catch((error: unknown) => {
      if (isRegistryError(error, 'BLOB_UPLOAD_UNKNOWN')) return null;
      throw error;
    });
    if (session === null) return null;
    const { expected_digest, expected_size } = session;
    if (expected_digest !== null && expected_digest !== digest)
      throw digestInvalid(digest, `this upload was opened for ${expected_digest}`);
    const extents = await readExtents(sql, id);
    const stored = extents.reduce((sum, extent) => sum + extent.length, 0);
    if (stored !== size || acknowledged(extents) !== size || (expected_size ?? size) !== size)
      throw blobUploadInvalid(`it has ${acknowledged(extents)} bytes without a gap, and was to have ${size}`);
    return session;
  }

  /** Live, or condemned if the digest is usable already: its followers read on until its grace ends. */
  private async settle(sql: Sql, { session: id, digest, size }: Finish): Promise<string> {
    const [usable] = await sql.query<Usable>(
      `SELECT object_id, lost_at IS NOT NULL AS lost FROM blob JOIN object ON object.id = object_id
        WHERE blob.digest = $1`,
      [digest],
    );
    const loses = usable !== undefined && !usable.lost;
    await sql.query('DELETE FROM upload_session WHERE id = $1', [id]);
    await sql.query(
      `UPDATE object SET state = $2, digest = $3, size = $4, verified_at = now(),
        purge_after = CASE WHEN $2 = 'condemned' THEN now() + $5 * interval '1 millisecond' END WHERE id = $1`,
      [id, loses ? 'condemned' : 'live', digest, size, this.config.ENTREPOT_GRACE_MS],
    );
    await queueComposing(sql, id);
    if (loses) return usable.object_id;
    await (usable ? this.swap(sql, usable.object_id, id, digest) : this.insertBlob(sql, id, digest, size));
    return id;
  }

  private async insertBlob(sql: Sql, id: string, digest: string, size: number): Promise<void> {
    await sql.query('INSERT INTO blob (digest, object_id, size) VALUES ($1, $2, $3)', [digest, id, size]);
  }

  /** A new object in the place of one whose bytes were lost; that one never comes back. */
  private async swap(sql: Sql, lost: string, id: string, digest: string): Promise<void> {
    await sql.query('UPDATE blob SET object_id = $2, stored_at = now() WHERE digest = $1', [digest, id]);
    await sql.query(
      `UPDATE object SET state = 'condemned', purge_after = now() + $2 * interval '1 millisecond' WHERE id = $1`,
      [lost, this.config.ENTREPOT_GRACE_MS],
    );
  }

  /** The right to whoever uploaded it, and to all who wait for it and may have it; a review when its pin ends. */
  private async give(sql: Sql, digest: string, repositoryId: number, source: Source | null): Promise<void> {
    const { ENTREPOT_PIN_MS: pinMs, ENTREPOT_REVIEW_DELAY_MS: delayMs } = this.config;
    await sql.query(
      `WITH given AS (INSERT INTO repository_blob (repository_id, digest, upstream, credential) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING RETURNING *) ${noteRights('given')}`,
      [repositoryId, digest, source?.upstream ?? null, source?.credential ?? null],
    );
    if (source === null) await writePins(sql, 'blob', [{ repositoryId, digest }], { pinMs, writeMs: 0 });
    await queueBlobReviews(sql, [digest], source === null ? pinMs : delayMs);
    await linkWaiting(sql, digest);
    await holdListed(sql, [digest]);
  }
}

/** Manifests that list it: of two blobs that end together, the later one sees the image whole. */
async function lockWaiting(sql: Sql, digest: string): Promise<void> {
  await sql.query(
    `SELECT 1 FROM manifest WHERE digest IN (SELECT manifest FROM manifest_blob WHERE digest = $1)
      ORDER BY digest FOR NO KEY UPDATE`,
    [digest],
  );
}

/** The fill that this upload was, if it was one: before its session goes, by which it is found. */
async function endFill(sql: Sql, session: string): Promise<Source | null> {
  const [fill] = await sql.query<Source>(
    `UPDATE fill SET state = 'done', ended_at = now(), claimed_until = NULL, error = NULL WHERE session_id = $1
      RETURNING upstream, credential`,
    [session],
  );
  return fill ?? null;
}

/** A repeat: the session went when its object became what the digest names, or lost to it. */
async function finishedAs(sql: Sql, { session: id, digest, size }: Finish): Promise<string> {
  const [done] = await sql.query<{ object_id: string | null }>(
    `SELECT object_id FROM object LEFT JOIN blob ON blob.digest = object.digest
      WHERE object.id = $1 AND object.digest = $2 AND object.size = $3 AND object.state IN ('live', 'condemned')`,
    [id, digest, size],
  );
  if (done === undefined) throw blobUploadUnknown(id);
  return done.object_id ?? id;
}

async function sayCompleted(sql: Sql, digest: string): Promise<void> {
  const images = await sql.query<{ repository: string; digest: Digest }>(
    `SELECT repository.name AS repository, manifest.digest FROM manifest_blob AS listed
      JOIN manifest ON manifest.digest = listed.manifest AND manifest.kind = 'image'
      JOIN repository_manifest AS visible ON visible.digest = manifest.digest
      JOIN repository ON repository.id = visible.repository_id
      WHERE listed.held = $1 AND NOT EXISTS (
        SELECT FROM manifest_blob AS other WHERE other.manifest = manifest.digest AND other.required AND other.held IS NULL)
      ORDER BY repository.name, manifest.digest`,
    [digest],
  );
  for (const image of images) await recordFact(sql, ImageCompleted, `${image.repository}@${image.digest}`, image);
}
