import { Inject, Injectable } from '@nestjs/common';
import type { FindBlobs } from '#contracts/calls/blobs';
import type { ResolveTags } from '#contracts/calls/manifests';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { Database, type Sql } from './database';
import { HotClient } from './hot-client';
import { lockBlobs } from './locks';
import { METADATA_CONFIG, type MetadataConfig } from './metadata.config';
import { writePins } from './pin.store';

type BlobQuestion = QuestionOf<typeof FindBlobs>['blobs'][number];
type FoundBlob = AnswerOf<typeof FindBlobs>['blobs'][number];

export const RESOLVE_TAGS = `
  SELECT question.position, manifest.digest, manifest.media_type, manifest.size,
    extract(epoch FROM clock_timestamp() - tag.asked_at) * 1000
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS question (repository, tag, position)
  JOIN repository ON repository.name = question.repository
  JOIN tag ON tag.repository_id = repository.id AND tag.name = question.tag
  JOIN manifest ON manifest.digest = tag.digest`;

/** Needs a right and usable bytes; says for how long the pin that is there covers the answer. $3 in milliseconds. */
export const FIND_BLOBS = `
  SELECT question.position, repository.id, object.id, blob.size,
    coalesce(pin.until > now() + $3::float8 * interval '1 millisecond', false)
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS question (repository, digest, position)
  JOIN repository ON repository.name = question.repository
  JOIN repository_blob AS given ON given.repository_id = repository.id AND given.digest = question.digest
  JOIN blob ON blob.digest = question.digest
  JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
  LEFT JOIN pin ON pin.kind = 'blob' AND pin.digest = question.digest AND pin.repository_id = repository.id`;

type TagRow = [position: number, digest: Digest, mediaType: string, size: number, ageMs: string | null];
type BlobRow = [position: number, repositoryId: number, object: string, size: number, pinned: boolean];

const key = ({ repository, digest }: BlobQuestion) => `${repository}@${digest}`;

/** The two questions that every pull asks, read from the primary by a query sent after they came. */
@Injectable()
export class HotQuestions {
  /** Pins on their way: many who ask for one blob write one. */
  private readonly pinning = new Map<string, Promise<FoundBlob>>();

  constructor(
    private readonly client: HotClient,
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  async resolveTags({ tags }: QuestionOf<typeof ResolveTags>): Promise<AnswerOf<typeof ResolveTags>> {
    const asked = [tags.map((each) => each.repository), tags.map((each) => each.tag)];
    const rows = await this.client.query<TagRow>('resolve-tags', RESOLVE_TAGS, asked);
    const manifests: AnswerOf<typeof ResolveTags>['manifests'] = tags.map(() => null);
    for (const [position, digest, mediaType, size, age] of rows) {
      manifests[position - 1] = { digest, mediaType, size, ageMs: age === null ? null : Number(age) };
    }
    return { manifests };
  }

  /** Saying that a blob is there pins it, before it is said. */
  async findBlobs({ blobs }: QuestionOf<typeof FindBlobs>): Promise<AnswerOf<typeof FindBlobs>> {
    const rows = await this.client.query<BlobRow>('find-blobs', FIND_BLOBS, this.parameters(blobs));
    const found: FoundBlob[] = blobs.map(() => null);
    const unpinned: number[] = [];
    for (const [position, , object, size, pinned] of rows) {
      if (pinned) found[position - 1] = { object, size };
      else unpinned.push(position - 1);
    }
    if (unpinned.length > 0) await this.pinThose(blobs, unpinned, found);
    return { blobs: found };
  }

  private parameters(blobs: readonly BlobQuestion[]): unknown[] {
    const { ENTREPOT_PIN_MS: pin, ENTREPOT_PIN_WRITE_MS: write } = this.config;
    return [blobs.map((blob) => blob.repository), blobs.map((blob) => blob.digest), pin - write];
  }

  private async pinThose(blobs: readonly BlobQuestion[], positions: number[], found: FoundBlob[]): Promise<void> {
    const joined = positions.filter((at) => this.pinning.has(key(blobs[at]!)));
    await Promise.all(
      joined.map(async (at) => {
        found[at] = (await this.pinning.get(key(blobs[at]!))?.catch(() => null)) ?? null;
      }),
    );
    // What another found gone may be back since: only what it found there counts for us.
    const own = positions.filter((at) => found[at] === null);
    if (own.length === 0) return;
    const asked = own.map((at) => blobs[at]!);
    const pinned = this.pin(asked);
    for (const [n, blob] of asked.entries())
      this.share(
        key(blob),
        pinned.then((answers) => answers[n] ?? null),
      );
    for (const [n, answer] of (await pinned).entries()) found[own[n]!] = answer;
  }

  private share(name: string, answer: Promise<FoundBlob>): void {
    this.pinning.set(name, answer);
    const done = () => this.pinning.get(name) === answer && this.pinning.delete(name);
    answer.then(done, done);
  }

  private async pin(blobs: readonly BlobQuestion[]): Promise<FoundBlob[]> {
    return this.database.transaction('metadata.pin-blobs', async (sql) => {
      await lockBlobs(sql, [...new Set(blobs.map((blob) => blob.digest))]);
      const rows = await this.readAgain(sql, blobs);
      const pins = rows.map((row) => ({ repositoryId: row.repository, digest: blobs[row.position - 1]!.digest }));
      const { ENTREPOT_PIN_MS: pinMs, ENTREPOT_PIN_WRITE_MS: writeMs } = this.config;
      await writePins(sql, 'blob', pins, { pinMs, writeMs });
      const found: FoundBlob[] = blobs.map(() => null);
      for (const { position, object, size } of rows) found[position - 1] = { object, size };
      return found;
    });
  }

  private readAgain(sql: Sql, blobs: readonly BlobQuestion[]) {
    return sql.query<{ position: number; repository: number; object: string; size: number }>(
      `SELECT * FROM (${FIND_BLOBS}) AS found (position, repository, object, size, pinned)`,
      this.parameters(blobs),
    );
  }
}
