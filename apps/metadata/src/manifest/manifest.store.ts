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

  /** `sparse`: a visible index of this repository lists it, and nobody has asked for it yet. */
  async find(repository: RepositoryName, digest: Digest): Promise<'held' | 'sparse' | 'unknown'> {
    const [row] = await this.database.read<{ held: boolean; listed: boolean }>(
      `SELECT EXISTS (SELECT FROM repository_manifest WHERE repository_id = repository.id AND digest = $2) AS held,
          EXISTS (SELECT FROM manifest_child AS child JOIN repository_manifest AS visible
            ON visible.digest = child.parent AND visible.repository_id = repository.id WHERE child.digest = $2) AS listed
        FROM repository WHERE name = $1`,
      [repository, digest],
    );
    if (row?.held) return 'held';
    return row?.listed ? 'sparse' : 'unknown';
  }
}
