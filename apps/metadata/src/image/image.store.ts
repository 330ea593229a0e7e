import { Injectable } from '@nestjs/common';
import { type Image, type ImageFilter, type ImageSort, type ListImages, MOST_SORTED } from '#contracts/calls/images';
import type { QuestionOf } from '#contracts/define-call';
import { isDigest } from '#oci/digest';
import { formatPlatform, type Platform } from '#oci/platform';
import { invalidField } from '#oci/registry-error';
import { isRepositoryName } from '#oci/repository-name';
import { Database } from '../database/database';
import { badCursor, isCursorNumber } from '../database/read-cursor';
import { byAge, byName, edgeByAge, edgeByName, listOf, MATCHING, measuredBy } from './list-images';
import { narrowImages } from './narrow-images';

interface ImageRow {
  readonly key: string;
  readonly repository: string;
  readonly digest: Image['digest'];
  readonly media_type: string;
  readonly tags: string[];
  readonly size: number;
  readonly complete: boolean;
  readonly platforms: Platform[];
  readonly committed_at: Date;
  readonly pulls: number;
  readonly pulled_at: Date | null;
  readonly upstream: string | null;
}

export type ImageQuestion = Omit<QuestionOf<typeof ListImages>, 'sort'> & { readonly sort?: ImageSort };

/** Where a page ended: by its sort, then by name. */
interface Cursor {
  readonly key: string;
  readonly repository: string;
  readonly digest: string;
}

const START: Cursor = { key: '', repository: '', digest: '' };

/** Behind all that there is: no name has a character after it. */
const END: Cursor = { key: '', repository: '~', digest: '~' };

type Read = { readonly rows: ImageRow[]; readonly edge: Cursor | null };

/** What is held, as people look at it. */
@Injectable()
export class ImageStore {
  constructor(private readonly database: Database) {}

  /**
   * A page with a filter looks at so many images and no more: it may be short, or empty, and have a next one. Throws
   * INVALID for a cursor of another list, and where more match than can be sorted or measured.
   */
  async list(question: ImageQuestion): Promise<{ images: Image[]; next: string | null }> {
    const { limit, after } = question;
    const cursor = after === undefined ? null : readCursor(after);
    const { rows, edge } = await this.read(question, cursor);
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : edge;
    const next = last ? `${last.key}~${last.repository}@${last.digest}` : null;
    return { images: page.map(toImage), next };
  }

  private async read(question: ImageQuestion, cursor: Cursor | null): Promise<Read> {
    const { sort = 'name', minSize, maxSize } = question;
    if (sort !== 'name' && cursor) readKey(cursor);
    if (minSize !== undefined || maxSize !== undefined) return this.readMeasured(sort, question, cursor);
    return sort === 'name' || sort === 'created'
      ? this.readInOrder(sort, question, cursor ?? START)
      : this.readMeasured(sort, question, cursor);
  }

  private async readInOrder(
    sort: 'name' | 'created',
    { limit, after: _, sort: __, ...filter }: ImageQuestion,
    { key, repository, digest }: Cursor,
  ): Promise<Read> {
    const [pageBy, edgeBy] = sort === 'name' ? [byName, edgeByName] : [byAge, edgeByAge];
    const isFiltered = Object.values(filter).some((value) => value !== undefined);
    const { within, repository: named, params: few } = narrowImages(boundsOf(filter, sort), 4);
    const [edge = null] = isFiltered
      ? await this.database.read<Cursor>(edgeBy({ within, repository: named, image: '', params: few }), [
          ...[repository, digest, key],
          ...few,
        ])
      : [];
    const narrowed = narrowImages(filter, 8);
    const upTo = edge ?? END;
    const params = [repository, digest, limit + 1, key, upTo.repository, upTo.digest, upTo.key, ...narrowed.params];
    return { rows: await this.database.read<ImageRow>(listOf(pageBy(narrowed)), params), edge };
  }

  private async readMeasured(
    sort: ImageSort,
    { limit, minSize, maxSize, after: _, sort: __, ...filter }: ImageQuestion,
    cursor: Cursor | null,
  ): Promise<Read> {
    if (cursor) readKey(cursor);
    const { key, repository, digest } = cursor ?? START;
    const narrowed = narrowImages(filter, 5);
    const params = [repository, digest, limit + 1, key, ...narrowed.params];
    await this.refuseMany(filter);
    const measured = measuredBy(sort, narrowed, params.length);
    const sizes = [minSize ?? null, maxSize ?? null];
    return { rows: await this.database.read<ImageRow>(listOf(measured), [...params, ...sizes]), edge: null };
  }

  private async refuseMany(filter: ImageFilter): Promise<void> {
    const { repository, image, params } = narrowImages(filter, 1);
    const matching = await this.database.read(`${MATCHING}${repository}${image} LIMIT ${MOST_SORTED + 1}`, params);
    if (matching.length <= MOST_SORTED) return;
    const rule = `can be said of at most ${MOST_SORTED} images, and more match: narrow them by repository, tag or label`;
    throw invalidField('sort, minSize or maxSize', rule);
  }
}

/** What an index bounds: by name the repositories, by age the time and one repository. */
function boundsOf({ repository, before, since }: ImageFilter, sort: 'name' | 'created'): ImageFilter {
  if (repository === undefined || sort === 'name') return sort === 'name' ? { repository } : { before, since };
  return /[*?]/.test(repository) ? { before, since } : { repository, before, since };
}

function readCursor(text: string): Cursor {
  const [, key = '', repository = '', digest = ''] = /^([^~]*)~([^@]+)@(.+)$/.exec(text) ?? [];
  if (isRepositoryName(repository) && isDigest(digest)) return { key, repository, digest };
  throw badCursor();
}

/** A list by name has none. */
function readKey({ key }: Cursor): void {
  if (!isCursorNumber(key)) throw badCursor(', of the same sort');
}

function toImage(row: ImageRow): Image {
  return {
    repository: row.repository,
    tags: row.tags,
    digest: row.digest,
    id: row.digest,
    mediaType: row.media_type,
    size: row.size,
    complete: row.complete,
    platforms: [...new Set(row.platforms.filter(isRunnable).map(formatPlatform))],
    createdAt: row.committed_at.toISOString(),
    pulls: row.pulls,
    pulledAt: row.pulled_at?.toISOString() ?? null,
    source: row.upstream === null ? 'pushed' : 'fetched',
  };
}

/** What BuildKit attests about an image lies beside it in its index, as `unknown/unknown`. */
function isRunnable({ os, architecture }: Platform): boolean {
  return !!os && !!architecture && os !== 'unknown' && architecture !== 'unknown';
}
