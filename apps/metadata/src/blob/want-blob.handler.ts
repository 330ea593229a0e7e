import { Inject, Injectable } from '@nestjs/common';
import type { Source } from '#contracts/calls/manifests';
import type { Digest } from '#oci/digest';
import { blobUnknown, fromErrorEnvelope, unavailable } from '#oci/registry-error';
import type { RepositoryName } from '#oci/repository-name';
import { Database, type Sql } from '../database/database';
import { lockBlobs } from '../database/locks';
import { holdListed, linkBlobs } from '../manifest/link-blobs';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { wantFills } from './want-fills';

interface Listed extends Source {
  readonly repository_id: number;
  readonly size: number;
  readonly media_type: string;
}

export interface Wanted {
  readonly size: number;
  readonly mediaType: string;
  readonly object?: string;
}

interface FoundObject {
  readonly object: string;
  /** It comes for one operation alone. */
  readonly isOwn: boolean;
}

/** A client asks for a blob that a fetched manifest of this repository lists, and that is not here for it. */
@Injectable()
export class WantBlobHandler {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Throws BLOB_UNKNOWN where no visible fetched manifest lists it; a failed fill's error for its back-off. */
  async want(repository: RepositoryName, digest: Digest, fill: boolean): Promise<Wanted> {
    const listed = await this.listing(repository, digest);
    const found = await this.findObject(listed, digest);
    // One that an operation alone wants goes with it, and must not while a client reads it.
    const isShared = found !== undefined && !found.isOwn;
    const object = isShared || !fill ? found?.object : await this.begin(listed, digest);
    return { size: listed.size, mediaType: listed.media_type, ...(object === undefined ? {} : { object }) };
  }

  /** While a fill runs, that a visible manifest of the repository lists the digest suffices. */
  private async listing(repository: RepositoryName, digest: Digest): Promise<Listed> {
    const [listed] = await this.database.read<Listed>(
      `SELECT visible.repository_id, visible.upstream, credential, listed.size, listed.media_type
        FROM manifest_blob AS listed
        JOIN repository_manifest AS visible ON visible.digest = listed.manifest AND visible.upstream IS NOT NULL
        JOIN repository ON repository.id = visible.repository_id AND repository.name = $1
        WHERE listed.digest = $2 ORDER BY committed_at DESC LIMIT 1`,
      [repository, digest],
    );
    if (listed === undefined) throw blobUnknown(digest);
    return listed;
  }

  private async findObject(listed: Listed, digest: Digest): Promise<FoundObject | undefined> {
    const [row] = await this.database.read<FoundObject>(FIND_OBJECT, parameters(listed, digest));
    return row;
  }

  private async begin(listed: Listed, digest: Digest): Promise<string> {
    return this.database.transaction('metadata.want-blob', async (sql) => {
      await lockBlobs(sql, [digest]);
      await linkBlobs(sql, listed.repository_id, listed, [digest]);
      await holdListed(sql, [digest]);
      const find = () => sql.query<FoundObject>(FIND_OBJECT, parameters(listed, digest));
      const [here] = await find();
      if (here && !here.isOwn) return here.object;
      if (!here) await refuseFailed(sql, listed, digest);
      const idleMs = this.config.ENTREPOT_SESSION_IDLE_MS;
      await wantFills(sql, listed.repository_id, listed, [{ digest, size: listed.size }], { idleMs });
      const [filling] = await find();
      // Its session ran out, and whoever claims it next begins a new one.
      if (filling === undefined) throw unavailable('the blob', 1);
      return filling.object;
    });
  }
}

/** What is usable here by right, else what its source is filling. */
const FIND_OBJECT = `
  SELECT object_id AS object, false AS "isOwn", 0 AS rank FROM blob JOIN object ON object.id = object_id AND lost_at IS NULL
    WHERE blob.digest = $1
      AND EXISTS (SELECT FROM repository_blob WHERE repository_id = $2 AND repository_blob.digest = $1)
  UNION ALL
  SELECT session_id, wanted_by IS NOT NULL, 1 FROM fill WHERE digest = $1 AND upstream = $3 AND credential = $4
    AND state IN ('wanted', 'running') AND session_id IS NOT NULL
  ORDER BY rank LIMIT 1`;

const parameters = ({ repository_id, upstream, credential }: Listed, digest: Digest) => [
  digest,
  repository_id,
  upstream,
  credential,
];

async function refuseFailed(sql: Sql, { upstream, credential }: Source, digest: Digest): Promise<void> {
  const [failed] = await sql.query<{ error: object; seconds: number }>(
    `SELECT error, ceil(extract(epoch FROM due_at - now()))::int AS seconds FROM fill
      WHERE digest = $1 AND upstream = $2 AND credential = $3 AND state = 'failed' AND due_at > now()
        AND ended_at IS NOT NULL
      ORDER BY ended_at DESC LIMIT 1`,
    [digest, upstream, credential],
  );
  if (failed) throw fromErrorEnvelope({ ...failed.error, retryAfterSeconds: Math.max(1, failed.seconds) });
}
