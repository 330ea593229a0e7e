import { Inject, Injectable } from '@nestjs/common';
import type { Extent } from '#contracts/calls/sessions';
import type { Digest } from '#oci/digest';
import { blobUploadUnknown, RegistryError, stale } from '#oci/registry-error';
import type { RepositoryName } from '#oci/repository-name';
import { Database, type Sql } from '../database/database';
import { violates } from '../database/database-fault';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { ensureRepository } from '../names/repository.store';
import { beginUploads, discardUpload, newUploadId } from './begin-upload';

export interface SessionRow {
  readonly id: string;
  readonly repository_id: number;
  readonly epoch: number;
  readonly expected_digest: Digest | null;
  readonly expected_size: number | null;
}

/** The end of the gapless prefix of an object: the acknowledged offset of an upload. */
export function acknowledged(extents: readonly { offset: number; length: number }[]): number {
  let end = 0;
  for (const { offset, length } of extents) {
    if (offset !== end) break;
    end += length;
  }
  return end;
}

/** In the order of their offsets. */
export async function readExtents(sql: Pick<Sql, 'query'>, object: string): Promise<Extent[]> {
  return sql.query<Extent>('SELECT start AS offset, length, key FROM extent WHERE object_id = $1 ORDER BY start', [
    object,
  ]);
}

/** Locks a session whose epoch is still the writer's. Throws BLOB_UPLOAD_UNKNOWN once it ended, STALE with the offset. */
export async function lockSession(sql: Sql, id: string, epoch?: number): Promise<SessionRow> {
  const [row] = await sql.query<SessionRow>(
    `SELECT id, repository_id, epoch, expected_digest, expected_size FROM upload_session WHERE id = $1 FOR UPDATE`,
    [id],
  );
  if (row === undefined) throw blobUploadUnknown(id);
  if (epoch === undefined || row.epoch === epoch) return row;
  const offset = acknowledged(await readExtents(sql, id));
  throw stale('another request has taken this upload: ask where it stands, and go on from there', offset);
}

/** Upload sessions: a push, a fill and an import are one thing. Every write is conditional on the session's epoch. */
@Injectable()
export class SessionStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  async open(
    repository: RepositoryName,
    expected: { digest?: Digest | undefined; size?: number | undefined },
  ): Promise<string> {
    return this.database.transaction('metadata.open-session', async (sql) => {
      const repositoryId = await ensureRepository(sql, { name: repository, upstream: null, isPrivate: false });
      const id = newUploadId();
      const { digest = null, size = null } = expected;
      await beginUploads(sql, [{ id, repositoryId, digest, size }], this.config.ENTREPOT_SESSION_IDLE_MS);
      return id;
    });
  }

  /** Fences off whoever wrote before: the epoch goes up. `writer` is where the new one answers for what it has in memory. */
  async take(id: string, writer: string | null = null) {
    return this.database.transaction('metadata.take-session', async (sql) => {
      const row = await lockSession(sql, id);
      await sql.query('UPDATE upload_session SET epoch = epoch + 1, writer = $2 WHERE id = $1', [id, writer]);
      await this.touch(sql, row);
      return { ...row, epoch: row.epoch + 1, extents: await readExtents(sql, id) };
    });
  }

  async read(id: string): Promise<{ repository: RepositoryName; offset: number }> {
    const [row] = await this.database.read<{ repository: RepositoryName; extents: Extent[] }>(
      `SELECT repository.name AS repository, coalesce(jsonb_agg(jsonb_build_object('offset', start, 'length', length)
          ORDER BY start) FILTER (WHERE start IS NOT NULL), '[]') AS extents
        FROM upload_session JOIN repository ON repository.id = repository_id
        LEFT JOIN extent ON extent.object_id = upload_session.object_id
        WHERE upload_session.id = $1 GROUP BY repository.name`,
      [id],
    );
    if (row === undefined) throw blobUploadUnknown(id);
    return { repository: row.repository, offset: acknowledged(row.extents) };
  }

  /** After the bytes are durable. The same extent again, under the same epoch, answers the same. */
  async commitExtent(id: string, epoch: number, extent: Extent): Promise<number> {
    try {
      return await this.database.transaction('metadata.commit-extent', (sql) => this.addExtent(sql, id, epoch, extent));
    } catch (error) {
      if (!violates(error, 'extent_overlaps', 'extent_pkey')) throw error;
      const { offset } = await this.read(id);
      throw stale(`bytes from ${extent.offset} on are stored already`, offset);
    }
  }

  /** Its bytes may be deleted once this is committed. Without an epoch: whoever writes it. */
  async abort(id: string, epoch?: number): Promise<void> {
    await this.database.transaction('metadata.abort-session', async (sql) => {
      const [object] = await sql.query<{ state: string }>('SELECT state FROM object WHERE id = $1', [id]);
      if (object?.state === 'purging') return;
      await lockSession(sql, id, epoch);
      await discardUpload(sql, id);
    });
  }

  private async addExtent(sql: Sql, id: string, epoch: number, extent: Extent): Promise<number> {
    const session = await lockSession(sql, id, epoch);
    refuseTooLong(session, extent);
    const { offset, length, key } = extent;
    const same = await sql.query(
      'SELECT 1 FROM extent WHERE object_id = $1 AND start = $2 AND length = $3 AND key IS NOT DISTINCT FROM $4',
      [id, offset, length, key],
    );
    if (same.length === 0) {
      await sql.query('INSERT INTO extent (object_id, start, length, key) VALUES ($1, $2, $3, $4)', [
        id,
        offset,
        length,
        key,
      ]);
      await this.touch(sql, session);
    }
    return acknowledged(await readExtents(sql, id));
  }

  /**
   * A session lives by its activity, and a push that lasts longer than its pins keeps them: what its client was told
   * exists must be there when it ends. Pins are written at most hourly; one that another holds is left to it.
   */
  private async touch(sql: Sql, session: SessionRow): Promise<void> {
    const { ENTREPOT_SESSION_IDLE_MS: idle, ENTREPOT_PIN_MS: pin, ENTREPOT_PIN_WRITE_MS: write } = this.config;
    await sql.query(
      `UPDATE upload_session SET active_at = now(), expires_at = now() + $2 * interval '1 millisecond' WHERE id = $1`,
      [session.id, idle],
    );
    await sql.query(
      `UPDATE pin SET until = now() + $2 * interval '1 millisecond' WHERE ctid = ANY(ARRAY(
        SELECT pin.ctid FROM pin JOIN repository ON repository.id = pin.repository_id AND repository.upstream IS NULL
        WHERE pin.repository_id = $1 AND until > now() AND until < now() + $3 * interval '1 millisecond'
        FOR UPDATE OF pin SKIP LOCKED))`,
      [session.repository_id, pin, pin - write],
    );
  }
}

function refuseTooLong({ expected_size }: SessionRow, { offset, length }: Extent): void {
  if (expected_size === null || offset + length <= expected_size) return;
  throw new RegistryError(
    'SIZE_INVALID',
    `the upload is to have ${expected_size} bytes, and this would make it at least ${offset + length}`,
    { detail: { limit: expected_size, actual: offset + length } },
  );
}
