import type { Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { brokenUpload } from '#calls/broken-upload';
import type { Extent } from '#contracts/calls/sessions';
import { cancelled, isRegistryError, type RegistryError, sizeInvalid } from '#oci/registry-error';
import type { BlobsConfig } from '../blobs.config';
import type { BlobDriver } from '../driver/blob-driver';
import type { FollowedObject, Tail } from '../read/followed-object';
import { ExtentBuffer } from './extent-buffer';
import { ExtentQueue } from './extent-queue';
import { growExtent } from './grow-extent';
import type { MemoryBudget } from './memory-budget';
import type { RunningHash } from './running-hash';
import { StreamIntake } from './stream-intake';

/** A long chunk is taken in pieces, so that an extent ends where it should and memory is counted in small steps. */
const PIECE_BYTES = 1024 * 1024;
const LONGEST_LINGER = 16;

export interface WritingTools {
  readonly driver: BlobDriver;
  readonly budget: MemoryBudget;
  readonly config: BlobsConfig;
  /** Commits a durable extent. */
  readonly commit: (extent: Extent) => Promise<void>;
}

export interface WritingTarget {
  readonly object: string;
  readonly offset: number;
  readonly expectedSize: number | null;
  readonly followed: FollowedObject;
  /** Null where this process has not hashed all of what is stored. */
  readonly hash: RunningHash | null;
}

/**
 * One request's writing: gathers extents, makes each durable, commits it, in order. While extents are on their way
 * to the store the next one is gathered.
 */
export class SessionWriting implements Tail {
  private gathering: ExtentBuffer;
  private readonly leaving: ExtentQueue;
  private readonly halt = new AbortController();
  private readonly ahead: Hash | null;
  private committedEnd: number;
  private lastTarget: number | null = null;
  private linger: NodeJS.Timeout | null = null;
  private lingerMs: number;

  constructor(
    private readonly target: WritingTarget,
    private readonly tools: WritingTools,
    /** Aborted when another command takes the session. */
    private readonly overtaken: AbortSignal,
  ) {
    this.gathering = new ExtentBuffer(target.offset);
    this.committedEnd = target.offset;
    this.ahead = target.hash?.ahead() ?? null;
    this.leaving = new ExtentQueue(
      tools.driver.parallelWrites,
      (extent) => this.write(extent),
      (extent, key) => this.commit(extent, key),
    );
    this.lingerMs = tools.config.ENTREPOT_LINGER_MS;
  }

  /** Where the bytes that are durable end. */
  get offset(): number {
    return this.committedEnd;
  }

  piece(position: number): Buffer | null {
    return this.leaving.piece(position) ?? this.gathering.piece(position);
  }

  /** What waits for its extent to be full is not as much as it was; and a slow stream's bytes are stored as soon as at first. */
  hurry(): void {
    this.lingerMs = this.tools.config.ENTREPOT_LINGER_MS;
    if (this.linger) clearTimeout(this.linger);
    this.linger = null;
    if (this.gathering.length >= this.extentBytes()) this.close();
    else if (this.gathering.length > 0) this.linger = setTimeout(() => this.lingered(), this.lingerMs);
  }

  /**
   * Writes until the stream ends. What arrived before it failed or was given up is committed first; what an
   * overtaken writer has in memory is dropped, for its successor was told where to go on.
   */
  async run(stream: Readable, givenUp?: AbortSignal): Promise<void> {
    const intake = new StreamIntake(stream);
    const release = [
      () => intake.release(),
      this.tools.budget.onPressure((share) => this.closeIf(share)),
      onAbort(this.overtaken, () => this.halt.abort(this.overtaken.reason)),
      onAbort(givenUp, () => this.halt.abort(cancelled('the upload'))),
    ];
    this.target.followed.tail = this;
    try {
      const failure = await this.gather(intake).then(() => null, asFailure);
      this.close();
      const lost = await this.leaving.settle().then(() => null, asFailure);
      this.overtaken.throwIfAborted();
      if (lost) throw lost.error;
      if (failure) throw this.explain(failure.error);
    } finally {
      for (const each of release) each();
      this.drop();
    }
  }

  private async gather(intake: StreamIntake): Promise<void> {
    for (;;) {
      const chunk = await intake.next(this.halt.signal);
      if (chunk === null) return;
      this.checkSize(chunk.length);
      for (let at = 0; at < chunk.length; ) {
        const room = Math.max(1, this.extentBytes() - this.gathering.length);
        const piece = chunk.subarray(at, at + Math.min(PIECE_BYTES, this.tools.budget.largestPiece, room));
        await this.take(piece);
        at += piece.length;
      }
    }
  }

  private async take(piece: Buffer): Promise<void> {
    await this.tools.budget.take(piece.length, this.halt.signal);
    this.gathering.add(piece);
    this.ahead?.update(piece);
    if (this.gathering.length >= this.extentBytes()) this.close();
    else this.linger ??= setTimeout(() => this.lingered(), this.lingerMs);
    this.target.followed.changed();
    await this.leaving.room();
  }

  private checkSize(more: number): void {
    const { expectedSize } = this.target;
    const size = this.gathering.end + more;
    if (expectedSize !== null && size > expectedSize) throw sizeInvalid('the blob', expectedSize, size);
  }

  private get followed(): boolean {
    return this.target.followed.isFollowed(performance.now());
  }

  private extentBytes(): number {
    const { config } = this.tools;
    const sizes = { first: config.ENTREPOT_FIRST_EXTENT_BYTES, largest: config.ENTREPOT_EXTENT_BYTES };
    return growExtent(this.lastTarget, this.followed, sizes);
  }

  private lingered(): void {
    this.lingerMs = Math.min(this.lingerMs * 2, this.tools.config.ENTREPOT_LINGER_MS * LONGEST_LINGER);
    this.close();
  }

  private closeIf(share: number): void {
    if (this.gathering.length >= share) this.close();
  }

  /** Sends what is gathered to the store, and begins the next extent. */
  private close(): void {
    if (this.linger) clearTimeout(this.linger);
    this.linger = null;
    const extent = this.gathering;
    if (extent.length === 0 || this.overtaken.aborted) return;
    this.lastTarget = this.followed ? this.extentBytes() : null;
    extent.hash = this.ahead?.copy() ?? null;
    this.gathering = new ExtentBuffer(extent.end);
    this.leaving.push(extent).catch((error: unknown) => this.halt.abort(error));
  }

  private async write(extent: ExtentBuffer): Promise<string | null> {
    this.overtaken.throwIfAborted();
    return this.tools.driver.write(
      this.target.object,
      extent.offset,
      extent.chunks,
      this.overtaken,
      this.sha256Of(extent),
    );
  }

  /** Of the first extent alone: the hash of everything up to its end is its own. */
  private sha256Of({ offset, hash }: ExtentBuffer): string | undefined {
    return offset === 0 && this.target.hash?.algorithm === 'sha256' ? hash?.copy().digest('hex') : undefined;
  }

  private async commit(extent: ExtentBuffer, key: string | null): Promise<void> {
    const row = { offset: extent.offset, length: extent.length, key };
    await this.tools.commit(row);
    this.committedEnd = extent.end;
    if (extent.hash) this.target.hash?.advance(extent.end, extent.hash);
    this.target.followed.commit(row);
    this.tools.budget.give(extent.length);
  }

  private drop(): void {
    if (this.linger) clearTimeout(this.linger);
    this.linger = null;
    this.tools.budget.give(this.leaving.drop() + this.gathering.length);
    this.gathering = new ExtentBuffer(this.committedEnd);
    const { followed } = this.target;
    if (followed.tail !== this) return;
    followed.tail = null;
    followed.changed();
  }

  private explain(error: unknown): RegistryError {
    return isRegistryError(error) ? error : brokenUpload(this.committedEnd, error);
  }
}

interface Failure {
  readonly error: unknown;
}

const asFailure = (error: unknown): Failure => ({ error });

/** Acts when the signal is aborted, or now if it is; answers how to stop listening. */
function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (signal?.aborted) act();
  signal?.addEventListener('abort', act, { once: true });
  return () => signal?.removeEventListener('abort', act);
}
