import { Injectable } from '@nestjs/common';
import type { Digest } from '#oci/digest';
import type { RepositoryName } from '#oci/repository-name';
import { Database } from '../database/database';

export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** What is visible where. */
@Injectable()
export class ManifestStore {
  constructor(private readonly database: Database) {}

  async read(repository: RepositoryName, digest: Digest): Promise<StoredManifest | undefined> {
    const [row] = await this.database.read<StoredManifest>(
      `SELECT media_type AS "mediaType", bytes FROM manifest
        JOIN repository_manifest AS visible ON visible.digest = manifest.digest
        JOIN repository ON repository.id = visible.repository_id AND repository.name = $1
        WHERE manifest.digest = $2`,
      [repository, digest],
    );
    return row;
  }
}
