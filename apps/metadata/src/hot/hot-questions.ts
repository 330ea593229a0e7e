import { Inject, Injectable } from '@nestjs/common';
import type { FindBlobs } from '#contracts/calls/blobs';
import type { FindManifests, ResolveTags } from '#contracts/calls/manifests';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { Database } from '../database/database';
import { HotClient } from '../database/hot-client';
import { lockBlobs, lockManifests, lockShown } from '../database/locks';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { coverMs, PinnedQuestions } from './pinned-questions';

type FoundBlob = NonNullable<AnswerOf<typeof FindBlobs>['blobs'][number]>;
type FoundManifest = NonNullable<AnswerOf<typeof FindManifests>['manifests'][number]>;
type NamedManifest = AnswerOf<typeof ResolveTags>['manifests'][number];
type TagQuestion = QuestionOf<typeof ResolveTags>['tags'][number];

/** Whether the pin that is there covers the answer: it lasts $3 milliseconds still. */
const PINNED = `coalesce(pin.until > now() + $3::float8 * interval '1 millisecond', false) AS pinned`;

export const RESOLVE_TAGS = `
  SELECT question.position, manifest.digest, manifest.media_type, manifest.size,
    extract(epoch FROM clock_timestamp() - tag.asked_at) * 1000, ${PINNED}
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS question (repository, tag, position)
  JOIN repository ON repository.name = question.repository
  JOIN tag ON tag.repository_id = repository.id AND tag.name = question.tag
  JOIN manifest ON manifest.digest = tag.digest
  LEFT JOIN pin ON pin.kind = 'manifest' AND pin.digest = tag.digest AND pin.repository_id = repository.id`;

/** What the repository shows. */
export const FIND_MANIFESTS = `
  SELECT question.position, repository.id AS repository, ${PINNED}, manifest.media_type, manifest.size
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS question (repository, digest, position)
  JOIN repository ON repository.name = question.repository
  JOIN repository_manifest AS visible ON visible.repository_id = repository.id AND visible.digest = question.digest
  JOIN manifest ON manifest.digest = question.digest
  LEFT JOIN pin ON pin.kind = 'manifest' AND pin.digest = question.digest AND pin.repository_id = repository.id`;

/** Needs a right and usable bytes. */
export const FIND_BLOBS = `
  SELECT question.position, repository.id AS repository, ${PINNED}, object.id AS object, blob.size
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS question (repository, digest, position)
  JOIN repository ON repository.name = question.repository
  JOIN repository_blob AS given ON given.repository_id = repository.id AND given.digest = question.digest
  JOIN blob ON blob.digest = question.digest
  JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
  LEFT JOIN pin ON pin.kind = 'blob' AND pin.digest = question.digest AND pin.repository_id = repository.id`;

type TagRow = [
  position: number,
  digest: Digest,
  mediaType: string,
  size: number,
  ageMs: string | null,
  pinned: boolean,
];

/** The questions that every pull asks, read from the primary by a query sent after they came. */
@Injectable()
export class HotQuestions {
  private readonly blobs: PinnedQuestions<FoundBlob>;
  private readonly manifests: PinnedQuestions<FoundManifest>;

  constructor(
    private readonly client: HotClient,
    database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {
    this.blobs = new PinnedQuestions<FoundBlob>(client, config, {
      kind: 'blob',
      text: FIND_BLOBS,
      found: ([object, size]) => ({ object, size }) as FoundBlob,
      commit: (run) => database.transaction('metadata.pin-blobs', run),
      lock: (sql, asked) => lockBlobs(sql, [...new Set(asked.map(({ digest }) => digest))]),
    });
    this.manifests = new PinnedQuestions<FoundManifest>(client, config, {
      kind: 'manifest',
      text: FIND_MANIFESTS,
      found: ([mediaType, size]) => ({ mediaType, size }) as FoundManifest,
      commit: (run) => database.transaction('metadata.pin-manifests', run),
      lock: async (sql, asked) => {
        await lockManifests(sql, [...new Set(asked.map(({ digest }) => digest))]);
        await lockShown(sql, asked);
      },
    });
  }

  async findBlobs({ blobs }: QuestionOf<typeof FindBlobs>): Promise<AnswerOf<typeof FindBlobs>> {
    return { blobs: await this.blobs.find(blobs) };
  }

  async findManifests({ manifests }: QuestionOf<typeof FindManifests>): Promise<AnswerOf<typeof FindManifests>> {
    return { manifests: await this.manifests.find(manifests) };
  }

  /** Saying what a tag names says that it is there. */
  async resolveTags({ tags }: QuestionOf<typeof ResolveTags>): Promise<AnswerOf<typeof ResolveTags>> {
    const asked = [tags.map((each) => each.repository), tags.map((each) => each.tag), coverMs(this.config)];
    const rows = await this.client.query<TagRow>('resolve-tags', RESOLVE_TAGS, asked);
    const manifests: NamedManifest[] = tags.map(() => null);
    const unpinned: number[] = [];
    for (const [position, digest, mediaType, size, age, pinned] of rows) {
      manifests[position - 1] = { digest, mediaType, size, ageMs: age === null ? null : Number(age) };
      if (!pinned) unpinned.push(position - 1);
    }
    if (unpinned.length > 0) await this.pinNamed(tags, unpinned, manifests);
    return { manifests };
  }

  /** What went before it could be pinned is no longer what its tag names: that is asked again. */
  private async pinNamed(
    tags: readonly TagQuestion[],
    unpinned: readonly number[],
    manifests: NamedManifest[],
  ): Promise<void> {
    const named = unpinned.map((at) => ({ repository: tags[at]!.repository, digest: manifests[at]!.digest }));
    const pinned = await this.manifests.pin(named);
    const gone = unpinned.filter((_, n) => pinned[n] === null);
    if (gone.length === 0) return;
    const again = await this.resolveTags({ tags: gone.map((at) => tags[at]!) });
    for (const [n, at] of gone.entries()) manifests[at] = again.manifests[n]!;
  }
}
