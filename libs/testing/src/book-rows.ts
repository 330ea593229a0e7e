import { randomUUID } from 'node:crypto';
import type { Fill } from '#contracts/calls/fills';
import type { Source } from '#contracts/calls/manifests';
import type { AnswerOf, Call, QuestionOf } from '#contracts/define-call';
import type { OperationState } from '#contracts/operation';
import type { Digest } from '#oci/digest';
import { manifestReferences, parseManifest } from '#oci/manifest';
import type { BookTimes, Work } from './book-work';

export interface OperationRow extends Work {
  readonly id: string;
  readonly body: Record<string, unknown>;
  state: OperationState;
  isCancelled: boolean;
  image: { repository: string; tag: string | null; digest: string } | null;
  outcome: Record<string, unknown> | null;
  readonly manifests: Set<string>;
}

export interface FillRow extends Work, Pick<Fill, 'id' | 'source' | 'repository' | 'digest' | 'size'> {
  session: string;
  state: 'wanted' | 'running' | 'done' | 'failed';
}

export interface ManifestRow {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly source: Source;
  readonly isPrivate: boolean;
}

export interface TagRow {
  readonly digest: Digest;
  askedAt: number;
}

/** A session's bytes, as whoever appends finds them. */
export class BookSession {
  epoch = 0;
  isEnded = false;
  length = 0;
  private readonly parts: Buffer[] = [];

  append(part: Buffer): void {
    this.parts.push(part);
    this.length += part.byteLength;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** Has the book answer a call. */
export type Answer = <C extends Call>(call: C, handle: (question: QuestionOf<C>) => AnswerOf<C>) => void;

/** All that the book holds. Manifests and tags are named `<repository> <digest or tag>`. */
export class BookRows {
  readonly operations = new Map<string, OperationRow>();
  readonly fills = new Map<string, FillRow>();
  readonly sessions = new Map<string, BookSession>();
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, ManifestRow>();
  readonly tags = new Map<string, TagRow>();

  constructor(
    readonly times: BookTimes,
    readonly say: (subject: string, digest?: string) => void,
  ) {}

  openSession(): string {
    const id = randomUUID();
    this.sessions.set(id, new BookSession());
    return id;
  }

  moveTag(repository: string, tag: string, digest: Digest, askedMsAgo: number): void {
    const askedAt = performance.now() - askedMsAgo;
    const held = this.tags.get(`${repository} ${tag}`);
    if (!held || held.askedAt < askedAt) this.tags.set(`${repository} ${tag}`, { digest, askedAt });
  }
}

/** What a manifest lists and an upstream has. */
export function blobsOf({ bytes, mediaType }: Pick<ManifestRow, 'bytes' | 'mediaType'>) {
  const { blobs } = manifestReferences(parseManifest(bytes, mediaType));
  return blobs.filter(({ foreign }) => !foreign).map(({ descriptor: { digest, size } }) => ({ digest, size }));
}
