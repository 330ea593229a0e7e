import { randomUUID } from 'node:crypto';
import { type AskOptions, Calls } from '#calls/calls';
import { ClaimFills, FailFill, type Fill, RenewFills } from '#contracts/calls/fills';
import { CommitManifest, ConfirmTag, ReadManifest, ResolveTags, type Source } from '#contracts/calls/manifests';
import {
  ClaimOperations,
  CompletePull,
  EndCancelled,
  FailOperation,
  ReadOperationBlobs,
  RenewOperations,
  ResolveOperation,
} from '#contracts/calls/operations';
import { FinishUpload, ReadSession } from '#contracts/calls/sessions';
import type { AnswerOf, Call, QuestionOf } from '#contracts/define-call';
import { BlobFailed, BlobStored, BlobWanted, OperationAccepted } from '#contracts/facts';
import type { OperationError, OperationState } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import type { Digest } from '#oci/digest';
import { digestAlgorithm, digestOf } from '#oci/digest';
import { manifestReferences, parseManifest } from '#oci/manifest';
import { blobUploadUnknown, cancelled, digestInvalid, RegistryError, sizeInvalid, stale } from '#oci/registry-error';

/** Times in milliseconds. */
export interface BookTimes {
  readonly leaseMs: number;
  readonly backoffMs: number;
  readonly attempts: number;
}

interface Work {
  epoch: number;
  attempts: number;
  dueAt: number;
  leaseUntil: number;
  error: OperationError | null;
}

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

type Handlers = Map<string, (question: never) => Promise<object> | object>;

/**
 * What metadata and blobs answer to a fetcher, kept in memory by the same rules: epochs, leases, attempts counted
 * before they start, back-off, and nothing done twice. Questions and answers go through their schemas.
 */
export class MetadataBook extends Calls {
  readonly operations = new Map<string, OperationRow>();
  readonly fills = new Map<string, FillRow>();
  readonly sessions = new Map<string, BookSession>();
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, { mediaType: string; bytes: Uint8Array; source: Source; isPrivate: boolean }>();
  readonly tags = new Map<string, { digest: Digest; askedAt: number }>();
  /** The names of all calls, in order. */
  readonly asked: string[] = [];
  /** Told of each fact: its subject, and the digest of what it is about. */
  onFact: (subject: string, digest?: string) => void = () => {};
  /** What a call throws instead of its answer, by its name. */
  readonly faults = new Map<string, () => Error>();
  private readonly handlers: Handlers = new Map();

  constructor(private readonly times: BookTimes = { leaseMs: 5_000, backoffMs: 10, attempts: 8 }) {
    super();
    this.answerManifests();
    this.answerOperations();
    this.answerFills();
    this.answerSessions();
  }

  override async ask<C extends Call>(call: C, question: unknown, { signal }: AskOptions = {}): Promise<AnswerOf<C>> {
    if (signal?.aborted) throw cancelled(call.name);
    this.asked.push(call.name);
    const fault = this.faults.get(call.name);
    if (fault) throw fault();
    const handler = this.handlers.get(call.name);
    if (!handler) throw new RegistryError('UNAVAILABLE', `nobody here answers ${call.name}`);
    return call.answer.parse(await handler(call.question.parse(question) as never)) as AnswerOf<C>;
  }

  accept(body: Record<string, unknown>): OperationRow {
    const row: OperationRow = {
      ...NEW_WORK,
      id: randomUUID(),
      body,
      state: 'accepted',
      isCancelled: false,
      image: null,
      outcome: null,
      manifests: new Set(),
    };
    this.operations.set(row.id, row);
    this.onFact(OperationAccepted.subject);
    return row;
  }

  private answer<C extends Call>(call: C, handle: (question: QuestionOf<C>) => AnswerOf<C>): void {
    this.handlers.set(call.name, handle as never);
  }

  private answerManifests(): void {
    this.answer(ResolveTags, ({ tags }) => ({
      manifests: tags.map(({ repository, tag }) => {
        const found = this.tags.get(`${repository} ${tag}`);
        const manifest = found && this.manifests.get(`${repository} ${found.digest}`);
        if (!found || !manifest) return null;
        const { mediaType, bytes } = manifest;
        return { digest: found.digest, mediaType, size: bytes.byteLength, ageMs: performance.now() - found.askedAt };
      }),
    }));
    this.answer(ReadManifest, ({ repository, digest }) => {
      const found = this.manifests.get(`${repository} ${digest}`);
      return found ? { found: true, mediaType: found.mediaType, bytes: found.bytes } : { found: false, mediaType: '' };
    });
    this.answer(ConfirmTag, ({ repository, tag, digest, askedMsAgo }) => {
      const held = this.tags.get(`${repository} ${tag}`);
      if (held?.digest !== digest) return { confirmed: false };
      held.askedAt = performance.now() - askedMsAgo;
      return { confirmed: true };
    });
    this.answer(CommitManifest, (question) => this.commitManifest(question));
  }

  private commitManifest(question: QuestionOf<typeof CommitManifest>): AnswerOf<typeof CommitManifest> {
    const { repository, source, mediaType, digest, bytes, tag, fill, operation, isPrivate } = question;
    if (operation) this.running(operation).manifests.add(`${repository} ${digest}`);
    if (digestOf(bytes, digestAlgorithm(digest)) !== digest)
      throw digestInvalid(digest, 'is not the digest of these bytes');
    this.manifests.set(`${repository} ${digest}`, { mediaType, bytes, source, isPrivate });
    if (tag) this.moveTag(repository, tag.name, digest, tag.askedMsAgo);
    const missing = blobsOf(bytes, mediaType).filter((blob) => !this.blobs.has(blob.digest));
    for (const blob of fill ? missing : []) this.want({ source, repository, ...blob });
    return { missing };
  }

  private moveTag(repository: string, tag: string, digest: Digest, askedMsAgo: number): void {
    const askedAt = performance.now() - askedMsAgo;
    const held = this.tags.get(`${repository} ${tag}`);
    if (!held || held.askedAt < askedAt) this.tags.set(`${repository} ${tag}`, { digest, askedAt });
  }

  private want(blob: Pick<FillRow, 'source' | 'repository' | 'digest' | 'size'>): void {
    const { source, digest } = blob;
    const same = [...this.fills.values()].find(
      (fill) =>
        fill.digest === digest &&
        fill.source.upstream === source.upstream &&
        fill.source.credential === source.credential &&
        (fill.state === 'wanted' || fill.state === 'running'),
    );
    if (same) return;
    const row: FillRow = { ...NEW_WORK, ...blob, id: randomUUID(), session: this.openSession(), state: 'wanted' };
    this.fills.set(row.id, row);
    this.onFact(BlobWanted.subject, digest);
  }

  private answerOperations(): void {
    this.answer(ClaimOperations, ({ limit }) => {
      const { claimed, nextInMs } = this.claim([...this.operations.values()], 'accepted', limit);
      const operations = claimed.map(({ id, epoch, attempts, body }) => ({
        id,
        epoch,
        attempts,
        principal: ANONYMOUS,
        kind: 'pull' as const,
        body,
      }));
      return { operations, nextInMs };
    });
    this.answer(RenewOperations, ({ operations }) => {
      const rows = operations.map(({ id, epoch }) => ({ id, row: this.ours(this.operations.get(id), epoch) }));
      for (const { row } of rows) if (row) row.leaseUntil = performance.now() + this.times.leaseMs;
      return {
        renewed: rows.filter(({ row }) => row && !row.isCancelled).map(({ id }) => id),
        cancelled: rows.filter(({ row }) => row?.isCancelled).map(({ id }) => id),
        lost: rows.filter(({ row }) => !row).map(({ id }) => id),
      };
    });
    this.answer(ResolveOperation, ({ id, epoch, repository, tag, digest }) => {
      this.running({ id, epoch }).image = { repository, tag, digest };
      return {};
    });
    this.answer(ReadOperationBlobs, ({ id, epoch }) => this.standing(this.running({ id, epoch })));
    this.answer(CompletePull, ({ id, epoch, repository, tag, digest, outcome, held }) => {
      const row = this.running({ id, epoch });
      const keys = (held?.manifests ?? []).map((each) => `${repository} ${each}`);
      if (keys.some((key) => !this.manifests.has(key))) return { completed: false };
      for (const key of keys) row.manifests.add(key);
      if (this.standing(row).missing > 0) return { completed: false };
      if (tag) this.moveTag(repository, tag.name, digest, tag.askedMsAgo);
      Object.assign(row, { state: 'completed', outcome });
      return { completed: true };
    });
    this.answer(FailOperation, (question) => {
      const row = this.running(question);
      const again = this.putBack(row, question);
      row.state = again ? 'accepted' : 'failed';
      return { ended: !again };
    });
    this.answer(EndCancelled, (question) => {
      this.running(question).state = 'cancelled';
      return {};
    });
  }

  private standing(row: OperationRow): AnswerOf<typeof ReadOperationBlobs> {
    const blobs = new Map<string, number>();
    for (const key of row.manifests) {
      const { bytes, mediaType } = this.manifests.get(key)!;
      for (const { digest, size } of blobsOf(bytes, mediaType)) blobs.set(digest, size);
    }
    const missing = [...blobs.keys()].filter((digest) => !this.blobs.has(digest));
    const fills = [...this.fills.values()].filter((fill) => missing.includes(fill.digest));
    const pending = (digest: string) => fills.some((fill) => fill.digest === digest && fill.state !== 'failed');
    const failed = fills.filter((fill) => fill.state === 'failed' && fill.error && !pending(fill.digest));
    const total = [...blobs.values()].reduce((sum, size) => sum + size, 0);
    const lacking = missing.reduce((sum, digest) => sum + blobs.get(digest)!, 0);
    const stored = fills.reduce((sum, { session }) => sum + (this.sessions.get(session)?.length ?? 0), 0);
    return {
      missing: missing.length,
      failed: failed.map(({ digest, error }) => ({ digest, error: error! })),
      bytesDone: Math.min(total, total - lacking + stored),
      bytesTotal: total,
    };
  }

  private answerFills(): void {
    this.answer(ClaimFills, ({ limit, perUpstream, perRepository }) => {
      const ofUpstream = new Map(perUpstream?.held.map(({ upstream, fills }) => [upstream, fills]));
      const ofRepository = new Map<string, number>(
        perRepository?.held.map(({ repository, fills }) => [repository, fills]),
      );
      const hasRoom = ({ source: { upstream }, repository }: FillRow) => {
        const [ofOne, ofOther] = [ofUpstream.get(upstream) ?? 0, ofRepository.get(repository) ?? 0];
        if (ofOne >= (perUpstream?.most ?? limit) || ofOther >= (perRepository?.most ?? limit)) return false;
        ofUpstream.set(upstream, ofOne + 1);
        ofRepository.set(repository, ofOther + 1);
        return true;
      };
      const { claimed, nextInMs } = this.claim([...this.fills.values()], 'wanted', limit, hasRoom);
      return { fills: claimed.map((row) => ({ ...row })), nextInMs };
    });
    this.answer(RenewFills, ({ fills }) => {
      const ours = fills.filter(({ id, epoch }) => this.ours(this.fills.get(id), epoch));
      for (const { id } of ours) this.fills.get(id)!.leaseUntil = performance.now() + this.times.leaseMs;
      return { renewed: ours.map(({ id }) => id) };
    });
    this.answer(FailFill, (question) => {
      const row = this.ours(this.fills.get(question.id), question.epoch);
      if (!row) throw stale("the fill is another worker's");
      if (question.discard) row.session = this.openSession();
      const again = this.putBack(row, question);
      row.state = again ? 'wanted' : 'failed';
      if (!again) this.onFact(BlobFailed.subject, row.digest);
      return { failed: !again };
    });
  }

  private answerSessions(): void {
    this.answer(ReadSession, ({ session }) => {
      const found = this.sessions.get(session);
      if (!found || found.isEnded) throw blobUploadUnknown(session);
      return { object: session, repository: 'any' as never, offset: found.length };
    });
    this.answer(FinishUpload, ({ session, digest, size }) => {
      const found = this.sessions.get(session);
      if (!found) throw blobUploadUnknown(session);
      const { bytes } = found;
      if (size !== undefined && size !== bytes.byteLength) throw sizeInvalid('the blob', size, bytes.byteLength);
      if (digestOf(bytes, digestAlgorithm(digest)) !== digest) throw digestInvalid(digest, 'the bytes hash otherwise');
      found.isEnded = true;
      this.blobs.set(digest, bytes);
      for (const fill of this.fills.values()) if (fill.digest === digest) fill.state = 'done';
      this.onFact(BlobStored.subject, digest);
      return { object: session, size: bytes.byteLength };
    });
  }

  private openSession(): string {
    const id = randomUUID();
    this.sessions.set(id, new BookSession());
    return id;
  }

  private claim<Row extends Work & { state: string }>(
    rows: Row[],
    waiting: Row['state'],
    limit: number,
    hasRoom: (row: Row) => boolean = () => true,
  ) {
    const now = performance.now();
    const open = rows.filter((row) => row.state === waiting || (row.state === 'running' && row.leaseUntil <= now));
    const due = open.filter((row) => row.dueAt <= now).sort((a, b) => a.dueAt - b.dueAt);
    const claimed = due.filter(hasRoom).slice(0, limit);
    for (const row of claimed) {
      Object.assign(row, { state: 'running', epoch: row.epoch + 1, attempts: row.attempts + 1 });
      row.leaseUntil = now + this.times.leaseMs;
    }
    const later = open.filter((row) => row.dueAt > now).map((row) => row.dueAt - now);
    return { claimed, nextInMs: later.length > 0 ? Math.min(...later) : null };
  }

  private putBack(
    row: Work,
    end: { error: OperationError; temporary: boolean; retryAfterMs?: number | undefined; giveBack: boolean },
  ) {
    if (end.giveBack) row.attempts -= 1;
    row.error = end.error;
    row.dueAt = performance.now() + (end.retryAfterMs ?? this.times.backoffMs);
    return end.temporary && row.attempts < this.times.attempts;
  }

  private ours<Row extends Work & { state: string }>(row: Row | undefined, epoch: number): Row | undefined {
    return row?.state === 'running' && row.epoch === epoch ? row : undefined;
  }

  private running({ id, epoch }: { id: string; epoch: number }): OperationRow {
    const row = this.ours(this.operations.get(id), epoch);
    if (!row) throw stale("the operation is another worker's");
    return row;
  }
}

const NEW_WORK: Work = { epoch: 0, attempts: 0, dueAt: 0, leaseUntil: 0, error: null };

function blobsOf(bytes: Uint8Array, mediaType: string): { digest: Digest; size: number }[] {
  const { blobs } = manifestReferences(parseManifest(bytes, mediaType));
  return blobs.filter(({ foreign }) => !foreign).map(({ descriptor: { digest, size } }) => ({ digest, size }));
}
