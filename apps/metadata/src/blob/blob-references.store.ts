import { Injectable } from '@nestjs/common';
import { type BlobReferences, MOST_REFERENCES } from '#contracts/calls/references';
import type { Digest } from '#oci/digest';
import { notFound } from '#oci/registry-error';
import { Database } from '../database/database';
import { readShownImages } from './shown-images';

interface BlobRow {
  readonly size: number;
  readonly state: BlobReferences['state'];
  readonly stored_at: Date | null;
  readonly goes_at: Date | null;
  readonly review_at: Date | null;
}

interface ListingRow {
  readonly digest: Digest;
  readonly role: 'config' | 'layer';
  readonly mediaType: string;
  readonly holds: boolean;
}

/** Who refers to a blob, and what keeps it. Bounded: a layer that half of the store uses costs what any other does. */
@Injectable()
export class BlobReferencesStore {
  constructor(private readonly database: Database) {}

  /** Throws NOT_FOUND. */
  async describe(digest: Digest): Promise<BlobReferences> {
    const [blob] = await this.database.read<BlobRow>(FIND_BLOB, [digest]);
    if (!blob) throw notFound(`blob ${digest}`, { digest });
    const [rights, listings, keeping] = await Promise.all([
      this.database.read<{ repository: string; granted_at: Date; upstream: string | null }>(READERS, [
        digest,
        ONE_MORE,
      ]),
      this.database.read<ListingRow>(LISTINGS, [digest, ONE_MORE]),
      this.database.read<{ repository: string | null; until: Date }>(KEEPERS, [digest, ONE_MORE]),
    ]);
    const manifests = listings.slice(0, MOST_REFERENCES);
    const images = await readShownImages(
      this.database,
      manifests.map((listing) => listing.digest),
    );
    const keepers = [...holders(listings), ...keeping.map(toKeeper)];
    return {
      digest,
      size: blob.size,
      state: blob.state,
      storedAt: blob.stored_at?.toISOString() ?? null,
      goesAt: blob.goes_at?.toISOString() ?? null,
      repositories: rights.slice(0, MOST_REFERENCES).map(({ repository, granted_at, upstream }) => ({
        ...{ repository, upstream, since: granted_at.toISOString() },
      })),
      repositoriesMore: rights.length > MOST_REFERENCES,
      manifests: manifests.map((listing) => ({ ...listing, images: images.get(listing.digest) ?? [] })),
      manifestsMore: listings.length > MOST_REFERENCES,
      keptBy: keepers.slice(0, MOST_REFERENCES),
      keptByMore: keepers.length > MOST_REFERENCES,
      reviewAt: blob.review_at?.toISOString() ?? null,
    };
  }
}

const ONE_MORE = MOST_REFERENCES + 1;

type Keeper = BlobReferences['keptBy'][number];

function holders(listings: readonly ListingRow[]): Keeper[] {
  return listings.filter(({ holds }) => holds).map(({ digest }) => ({ kind: 'manifest', digest }));
}

function toKeeper({ repository, until }: { repository: string | null; until: Date }): Keeper {
  const at = { until: until.toISOString() };
  return repository === null ? { kind: 'reader', ...at } : { kind: 'pin', repository, ...at };
}

/** The first of what there is: usable or lost bytes, condemned ones, a fill, or only manifests that list it. */
const FIND_BLOB = `
  SELECT found.*, (SELECT due_at FROM review
    WHERE kind = 'blob' AND repository_id = 0 AND digest = $1) AS review_at
  FROM (
    SELECT 1 AS rank, blob.size, CASE WHEN lost_at IS NULL THEN 'held' ELSE 'lost' END AS state, stored_at,
      NULL::timestamptz AS goes_at
    FROM blob JOIN object ON object.id = object_id WHERE blob.digest = $1
    UNION ALL
    SELECT 2, size, 'condemned', created_at, purge_after FROM object WHERE digest = $1 AND state = 'condemned'
    UNION ALL
    SELECT 3, size, 'coming', NULL, NULL FROM fill WHERE digest = $1 AND state IN ('wanted', 'running')
    UNION ALL
    (SELECT 4, size, 'absent', NULL, NULL FROM manifest_blob
      WHERE digest = $1 ORDER BY manifest LIMIT 1)
  ) AS found ORDER BY rank, goes_at DESC LIMIT 1`;

/** The first by their age (in the order of an index), then by name. */
const READERS = `
  SELECT repository.name AS repository, granted_at, given.upstream
  FROM (SELECT * FROM repository_blob WHERE digest = $1 ORDER BY repository_id LIMIT $2) AS given
  CROSS JOIN LATERAL (SELECT name FROM repository WHERE id = given.repository_id OFFSET 0) AS repository
  ORDER BY repository.name`;

const LISTINGS = `
  SELECT manifest AS digest, role, media_type AS "mediaType", held IS NOT NULL AS holds
  FROM manifest_blob WHERE digest = $1 ORDER BY manifest LIMIT $2`;

/** Pins of it, and readers of its bytes. */
const KEEPERS = `
  (SELECT repository.name AS repository, until
    FROM (SELECT * FROM pin WHERE kind = 'blob' AND digest = $1 AND until > now()
      ORDER BY repository_id LIMIT $2) AS pinned
    CROSS JOIN LATERAL (SELECT name FROM repository WHERE id = pinned.repository_id OFFSET 0) AS repository)
  UNION ALL
  (SELECT NULL, until FROM lease WHERE until > now() AND object_id IN (
    SELECT object_id FROM blob WHERE digest = $1
    UNION ALL SELECT id FROM object WHERE digest = $1 AND state = 'condemned') LIMIT $2)
  ORDER BY until DESC`;

/** All that is asked for one blob, the blob itself first. */
export const DESCRIBE_STATEMENTS = [FIND_BLOB, READERS, LISTINGS, KEEPERS] as const;
