import { Injectable } from '@nestjs/common';
import { type InspectImage, MOST_INSPECTED, type ReadImageParts } from '#contracts/calls/inspect';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { manifestUnknown } from '#oci/registry-error';
import { Database } from '../database/database';
import { ImageNameStore } from './image-name.store';
import { BELOW } from './standing-image';

type Inspected = AnswerOf<typeof InspectImage>;
type Parts = AnswerOf<typeof ReadImageParts>;

interface HeadRow {
  readonly kind: Inspected['kind'];
  readonly subject: Inspected['subject'];
  readonly size: number;
  readonly upstream: string | null;
  readonly committed_at: Date;
  readonly pulls: number;
  readonly pulled_at: Date | null;
  readonly repositories: string[];
  readonly repository_count: number;
  readonly tag_count: number;
  readonly container_count: number;
}

type Member = Inspected['own'];

/** Everything that is known of one image. */
@Injectable()
export class InspectImageStore {
  constructor(
    private readonly database: Database,
    private readonly names: ImageNameStore,
  ) {}

  /** Throws what `ImageNameStore.find` throws. */
  async inspect({ reference }: QuestionOf<typeof InspectImage>): Promise<Inspected> {
    const sql = { query: this.database.read.bind(this.database) };
    const { repositoryId, repository, digest, tag } = await this.names.find(sql, reference);
    const key = [repositoryId, digest];
    const [heads, members, tags, containers] = await Promise.all([
      this.database.read<HeadRow>(HEAD, [...key, MOST_INSPECTED]),
      this.database.read<Member>(MEMBERS, key),
      this.database.read<{ repository: string; tag: string; moved_at: Date }>(TAGS, [digest, MOST_INSPECTED]),
      this.database.read<Inspected['containers']['first'][number]>(CONTAINERS, [MOST_INSPECTED, digest]),
    ]);
    const [head] = heads;
    const [own, ...children] = members;
    // Both were there a moment ago.
    if (!head || !own) throw manifestUnknown(digest);
    return {
      repository,
      tag: tag as Inspected['tag'],
      digest,
      kind: head.kind,
      subject: head.subject,
      size: head.size,
      own,
      members: head.kind === 'index' ? children : [own],
      tags: {
        first: tags.map(({ moved_at, ...named }) => ({ ...named, movedAt: moved_at.toISOString() })),
        count: head.tag_count,
      },
      repositories: { first: head.repositories, count: head.repository_count },
      containers: { first: containers, count: head.container_count },
      upstream: head.upstream,
      createdAt: head.committed_at.toISOString(),
      pulls: head.pulls,
      pulledAt: head.pulled_at?.toISOString() ?? null,
    };
  }

  /** Throws MANIFEST_UNKNOWN where the repository does not show it. */
  async parts({ repository, digest }: QuestionOf<typeof ReadImageParts>): Promise<Parts> {
    const rows = await this.database.read<PartRow>(PARTS, [repository, digest]);
    if (rows.length === 0) throw manifestUnknown(digest);
    const listed = rows.filter((row): row is ListedRow => row.digest !== null);
    const config = listed.find(({ role }) => role === 'config');
    return {
      config: config
        ? { digest: config.digest, mediaType: config.media_type, size: config.size, object: config.object }
        : null,
      layers: listed
        .filter(({ role }) => role === 'layer')
        .map(({ digest, media_type, size, object }) => ({
          digest,
          mediaType: media_type,
          size,
          held: object !== null,
        })),
    };
  }
}

interface ListedRow {
  readonly digest: Member['digest'];
  readonly role: 'config' | 'layer';
  readonly media_type: string;
  readonly size: number;
  readonly object: string | null;
}
type PartRow = ListedRow | { readonly digest: null };

/** What this repository may read of a blob that a manifest lists. */
const HERE = (listed: string) => `(SELECT blob.object_id FROM repository_blob given
  JOIN blob ON blob.digest = given.digest JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
  WHERE given.repository_id = $1 AND given.digest = ${listed}.digest)`;

/** Containers of an image, or of one that it holds, in each repository that shows it: a remove is refused for them. */
const USING = `FROM repository_manifest shown JOIN repository ON repository.id = shown.repository_id
  JOIN container ON container.repository_id = shown.repository_id
  JOIN below ON below.digest = container.digest WHERE shown.digest = $2`;

/** $3: as many as are named. */
const HEAD = `
  SELECT m.kind, m.subject, r.upstream, (
      SELECT COALESCE(sum(each.size), 0)::bigint FROM (
        SELECT DISTINCT ON (listed.digest) listed.size FROM (
          SELECT $2 AS digest UNION
          SELECT child.held FROM manifest_child child JOIN repository_manifest shown
            ON shown.repository_id = $1 AND shown.digest = child.held WHERE child.parent = $2
        ) AS member JOIN manifest_blob listed ON listed.manifest = member.digest
        WHERE ${HERE('listed')} IS NOT NULL
      ) AS each
    ) AS size, rm.committed_at, COALESCE(pulls, 0) AS pulls, pulled_at,
    ARRAY(SELECT name FROM repository JOIN repository_manifest shown ON shown.repository_id = repository.id
      WHERE shown.digest = $2 ORDER BY name LIMIT $3) AS repositories,
    (SELECT count(*) FROM repository_manifest WHERE digest = $2) AS repository_count,
    (SELECT count(*) FROM repository_manifest shown JOIN tag USING (repository_id, digest) WHERE shown.digest = $2) AS tag_count,
    (${BELOW} SELECT count(*) ${USING}) AS container_count
  FROM repository r JOIN repository_manifest rm ON rm.repository_id = r.id JOIN manifest m ON m.digest = rm.digest
  LEFT JOIN pull_count counted ON counted.repository_id = rm.repository_id AND counted.digest = rm.digest
  WHERE r.id = $1 AND rm.digest = $2`;

const TAGS = `
  SELECT repository.name AS repository, tag.name AS tag, tag.moved_at FROM repository_manifest shown
  JOIN tag USING (repository_id, digest) JOIN repository ON repository.id = tag.repository_id
  WHERE shown.digest = $1 ORDER BY repository.name, tag.name LIMIT $2`;

const CONTAINERS = `${BELOW}
  SELECT container.id, container.name, state, repository.name AS repository ${USING} ORDER BY container.name LIMIT $1`;

/** The image, then what it lists. */
const MEMBERS = `
  WITH member AS (
    SELECT -1 AS position, digest, media_type, platform, artifact_type, annotations, true AS held FROM manifest
      WHERE digest = $2
    UNION ALL
    SELECT child.position, child.digest, child.media_type, COALESCE(child.platform, below.platform),
      COALESCE(child.artifact_type, below.artifact_type), COALESCE(child.annotations, below.annotations),
      shown.digest IS NOT NULL
      FROM manifest_child child
      LEFT JOIN repository_manifest shown ON shown.repository_id = $1 AND shown.digest = child.held
      LEFT JOIN manifest below ON below.digest = shown.digest
      WHERE child.parent = $2
  )
  SELECT digest, media_type AS "mediaType", NULLIF(platform, '{}') AS platform, artifact_type AS "artifactType",
    COALESCE(annotations, '{}') AS annotations, held, COALESCE(size, 0)::bigint AS size,
    held AND COALESCE(complete, true) AS complete
  FROM member CROSS JOIN LATERAL (
    SELECT sum(listed.size) FILTER (WHERE object IS NOT NULL) AS size,
      bool_and(object IS NOT NULL OR NOT required) AS complete
    FROM manifest_blob listed CROSS JOIN LATERAL (SELECT ${HERE('listed')} AS object OFFSET 0) here
    WHERE listed.manifest = member.digest AND member.held OFFSET 0
  ) sums
  ORDER BY position`;

const PARTS = `
  SELECT listed.digest, listed.role, listed.media_type, listed.size, here.object
  FROM repository JOIN repository_manifest shown ON shown.repository_id = repository.id AND shown.digest = $2
  LEFT JOIN manifest_blob listed ON listed.manifest = shown.digest
  LEFT JOIN LATERAL (
    SELECT object.id AS object FROM repository_blob given
    JOIN blob ON blob.digest = given.digest JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
    WHERE given.repository_id = repository.id AND given.digest = listed.digest
  ) here ON true
  WHERE repository.name = $1 ORDER BY listed.position`;
