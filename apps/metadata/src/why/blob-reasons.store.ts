import { Inject, Injectable } from '@nestjs/common';
import { type KeepingRoot, MOST_ROOTS, type Why } from '#contracts/calls/why';
import type { Digest } from '#oci/digest';
import { notFound } from '#oci/registry-error';
import type { Sql } from '../database/database';
import type { HeldImage } from '../image/image-name.store';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { inMs } from '../review/keep-reasons';
import { type CollectingTimes, collectsFrom } from '../schedule/collecting-times';
import { ImageReasonsStore, latest, type Reasons, toTime } from './image-reasons.store';

type Reading = Pick<Sql, 'query'>;

/** As many of the images that have a blob are looked at, where none of them has a root that stands. */
const MOST_HOLDERS = 100;

interface StoredBlob {
  readonly state: 'live' | 'condemned' | 'purging' | 'uploading';
  readonly object: string;
  readonly purgeMs: number | null;
  readonly dueMs: number | null;
}

/** The times that hold up everything, in milliseconds since 1970. */
export interface Moment extends CollectingTimes {
  /** Nothing goes before then. */
  readonly quietMs: number;
  /** A restored database purges nothing before its reconcile. */
  readonly restored: boolean;
}

/** What keeps a blob: the images that have it, and what was said of it or is read of it just now. */
@Injectable()
export class BlobReasonsStore {
  constructor(
    private readonly images: ImageReasonsStore,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Throws NOT_FOUND. */
  async read(sql: Reading, digest: Digest, moment: Moment): Promise<Why> {
    const blob = await readBlob(sql, digest);
    if (!blob) throw notFound(`image or blob ${digest}`, { reference: digest });
    const holders = await readHolders(sql, digest);
    const { held, stands, goesAtMs } = await this.readHeld(sql, holders, digest);
    const own = await readOwnRoots(sql, digest, blob.object);
    const pins = own.filter(({ root }) => root === 'pin');
    const standing = blob.state === 'live' ? [...held, ...pins] : [];
    const roots = [...standing, ...own.filter(({ root }) => root === 'lease')].map(withoutMs);
    const pinsMs = pins.map(({ untilMs }) => untilMs);
    const firstMs = holders.length > 0 ? goesAtMs : blob.dueMs;
    const goes = blob.state === 'live' ? (stands ? null : latest(firstMs, ...pinsMs)) : moment.nowMs;
    const goesMs = collectsFrom(moment, latest(goes, moment.nowMs, moment.quietMs));
    const leasesMs = own.filter(({ root }) => root === 'lease').map(({ untilMs }) => untilMs);
    const purge = blob.state === 'live' ? goesMs && goesMs + this.config.ENTREPOT_GRACE_MS : blob.purgeMs;
    return {
      kind: 'blob',
      digest,
      repositories: [...new Set(holders.map(({ repository }) => repository))],
      kept: roots.length > 0,
      roots: roots.slice(0, MOST_ROOTS),
      moreRoots: roots.length > MOST_ROOTS || (stands && holders.length > 1),
      goesAt: toTime(goesMs),
      purgedAt: moment.restored
        ? null
        : toTime(collectsFrom(moment, latest(purge, ...leasesMs, moment.nowMs, moment.quietMs))),
    };
  }

  /** One root that stands is answer enough; where there is none, all of them are waited for. */
  private async readHeld(sql: Reading, holders: readonly HeldImage[], digest: Digest) {
    const all: Reasons[] = [];
    for (const holder of holders.slice(0, MOST_HOLDERS)) {
      const reasons = await this.images.read(sql, holder);
      if (reasons.stands) return { held: rootsOf([reasons], digest), stands: true, goesAtMs: null };
      all.push(reasons);
    }
    const unknown = holders.length > MOST_HOLDERS || all.some(({ goesAtMs }) => goesAtMs === null);
    const goesAtMs = unknown ? null : Math.max(0, ...all.map((each) => each.goesAtMs ?? 0));
    return { held: rootsOf(all, digest), stands: false, goesAtMs };
  }
}

type Timed = KeepingRoot & { readonly untilMs: number | null };

function rootsOf(all: readonly Reasons[], digest: Digest): Timed[] {
  const roots = all
    .flatMap(({ roots }) => roots)
    .map((root) => {
      const path = [...root.path, { digest, via: 'blob' as const }];
      return { ...root, path, untilMs: root.until === null ? null : Date.parse(root.until) };
    });
  return roots.sort((a, b) => (b.untilMs ?? Infinity) - (a.untilMs ?? Infinity) || 0);
}

const withoutMs = ({ untilMs: _, ...root }: Timed): KeepingRoot => root;

/** The one that is usable, or else the bytes that are not gone yet. */
async function readBlob(sql: Reading, digest: Digest): Promise<StoredBlob | undefined> {
  const [row] = await sql.query<StoredBlob>(
    `SELECT object.state, object.id AS object, ${inMs('purge_after')} AS "purgeMs", (
        SELECT ${inMs('due_at')} FROM review WHERE kind = 'blob' AND repository_id = 0 AND review.digest = $1) AS "dueMs"
      FROM object WHERE id = coalesce((SELECT object_id FROM blob WHERE digest = $1),
        (SELECT id FROM object WHERE digest = $1 AND state = 'condemned' ORDER BY purge_after DESC LIMIT 1))`,
    [digest],
  );
  return row;
}

function readHolders(sql: Reading, digest: Digest): Promise<HeldImage[]> {
  return sql.query<HeldImage>(
    `SELECT repository.id AS "repositoryId", repository.name AS repository, visible.digest
      FROM manifest_blob AS listed JOIN repository_manifest AS visible ON visible.digest = listed.manifest
      JOIN repository ON repository.id = visible.repository_id WHERE listed.held = $1 LIMIT $2`,
    [digest, MOST_HOLDERS + 1],
  );
}

/** What was said to exist, and what is read just now. */
async function readOwnRoots(sql: Reading, digest: Digest, object: string): Promise<Timed[]> {
  const rows = await sql.query<{ root: 'pin' | 'lease'; repository: string | null; untilMs: number }>(
    `SELECT 'pin' AS root, repository.name AS repository, ${inMs('until')} AS "untilMs" FROM pin
        JOIN repository ON repository.id = repository_id WHERE kind = 'blob' AND digest = $1 AND until > now()
      UNION ALL SELECT 'lease', NULL, ${inMs('until')} FROM lease WHERE object_id = $2 AND until > now()
      ORDER BY "untilMs" DESC LIMIT $3`,
    [digest, object, MOST_HOLDERS],
  );
  return rows.map(({ root, repository, untilMs }) => ({
    root,
    name: null,
    repository,
    until: toTime(untilMs),
    untilMs,
    path: [{ digest, via: 'root' as const }],
  }));
}
