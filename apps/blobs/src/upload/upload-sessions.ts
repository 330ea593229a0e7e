import type { Readable } from 'node:stream';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { OWN_URL } from '#calls/own-url';
import { CommitExtent, type Extent, ReadObject, ReadSession, TakeSession } from '#contracts/calls/sessions';
import type { AnswerOf } from '#contracts/define-call';
import { digestAlgorithm } from '#oci/digest';
import { isRegistryError, type RegistryError, stale } from '#oci/registry-error';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { uploads, uploadsRunning } from '../blobs-metrics';
import { BlobDriver } from '../driver/blob-driver';
import { BoundedCache } from '../read/bounded-cache';
import type { ObjectView } from '../read/followed-object';
import { FollowedObjects } from '../read/followed-objects';
import { askAgain } from './ask-again';
import { byOffset } from './extent-coverage';
import { MemoryBudget } from './memory-budget';
import { RunningHash } from './running-hash';
import { SessionWriting } from './session-writing';

export type TakenSession = AnswerOf<typeof TakeSession> & { readonly session: string };

/** What a command works with, once it has the session: until `overtaken` is aborted. */
export interface Holding {
  readonly taken: TakenSession;
  readonly overtaken: AbortSignal;
}

interface Command extends Holding {
  readonly halt: AbortController;
  readonly ended: Promise<void>;
}

const KEPT_HASHES = 10_000;

/** Upload sessions as this process writes them: one command of a session at a time, each under an epoch of its own. */
@Injectable()
export class UploadSessions implements BeforeApplicationShutdown {
  private readonly commands = new Map<string, Command>();
  private readonly hashes = new BoundedCache<RunningHash>(KEPT_HASHES);

  constructor(
    private readonly driver: BlobDriver,
    private readonly calls: Calls,
    private readonly followed: FollowedObjects,
    private readonly budget: MemoryBudget,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
    @Inject(OWN_URL) private readonly ownUrl: string | null,
  ) {}

  /** What arrived before its request was cut off is stored before the store is closed: whoever goes on has it. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([...this.commands.values()].map(({ ended }) => ended));
  }

  /** Appends what the stream brings; see `BytePlane.append`. The stream stays its caller's: it is never destroyed here. */
  async append(session: string, offset: number, stream: Readable, givenUp?: AbortSignal): Promise<{ offset: number }> {
    // A stream may fail while nobody listens: before the session is taken, or after it was refused.
    stream.on('error', () => {});
    uploadsRunning.inc();
    try {
      const end = await this.holding(session, async (holding) => {
        if (holding.taken.offset !== offset) throw wrongOffset(holding.taken.offset);
        return { offset: await this.write(holding, stream, givenUp) };
      });
      uploads.inc({ outcome: 'stored' });
      return end;
    } catch (error) {
      uploads.inc({ outcome: 'broken' });
      throw await this.withOffset(session, error);
    } finally {
      uploadsRunning.dec();
    }
  }

  /** Takes the session from whoever has it, waits until that one's writes have ended, and works. */
  async holding<T>(session: string, work: (holding: Holding) => Promise<T>): Promise<T> {
    const taken = { session, ...(await this.takeSession(session)) };
    const previous = this.commands.get(session);
    if (previous && previous.taken.epoch > taken.epoch) throw overtakenBy(taken);
    let end = () => {};
    const halt = new AbortController();
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const command: Command = { taken, overtaken: halt.signal, halt, ended };
    this.commands.set(session, command);
    try {
      previous?.halt.abort(overtakenBy(previous.taken));
      await previous?.ended;
      await this.driver.takeWriting(taken.object);
      halt.signal.throwIfAborted();
      return await work(command);
    } finally {
      if (this.commands.get(session) === command) this.commands.delete(session);
      end();
    }
  }

  /** Ends what is written to an object that is to be purged: no write of it begins or goes on after this. */
  async stopWriting(object: string): Promise<void> {
    for (const { taken, halt, ended } of [...this.commands.values()]) {
      if (taken.object !== object) continue;
      halt.abort(overtakenBy(taken));
      await ended;
    }
    await this.driver.takeWriting(object);
  }

  /** The hash of everything that the session holds, if this process has it. */
  hashOf(taken: TakenSession): RunningHash | null {
    const kept = this.hashes.get(taken.session);
    if (kept && kept.object === taken.object && kept.offset === taken.offset) return kept;
    this.hashes.delete(taken.session);
    if (taken.offset > 0) return null;
    const fresh = new RunningHash(
      taken.object,
      taken.expectedDigest ? digestAlgorithm(taken.expectedDigest) : 'sha256',
    );
    this.hashes.set(taken.session, fresh);
    return fresh;
  }

  forget(session: string): void {
    this.hashes.delete(session);
  }

  private async takeSession(session: string): Promise<AnswerOf<typeof TakeSession>> {
    try {
      return await this.calls.ask(TakeSession, { session, ...(this.ownUrl && { writer: this.ownUrl }) });
    } catch (error) {
      if (isRegistryError(error, 'BLOB_UPLOAD_UNKNOWN')) this.forget(session);
      throw error;
    }
  }

  private async write({ taken, overtaken }: Holding, stream: Readable, givenUp?: AbortSignal): Promise<number> {
    const followed = this.followed.write(taken.object, viewOf(taken));
    const target = {
      object: taken.object,
      offset: taken.offset,
      expectedSize: taken.expectedSize,
      followed,
      hash: this.hashOf(taken),
    };
    const commit = (extent: Extent) => this.commit(taken, extent, overtaken);
    const { driver, budget, config } = this;
    const writing = new SessionWriting(target, { driver, budget, config, commit }, overtaken);
    try {
      await writing.run(stream, givenUp);
      return writing.offset;
    } finally {
      this.followed.leave(followed);
    }
  }

  private async commit(taken: TakenSession, extent: Extent, signal: AbortSignal): Promise<void> {
    const { session, epoch, object } = taken;
    try {
      await askAgain(this.calls, CommitExtent, { session, epoch, extent }, { signal });
    } catch (error) {
      if (isRegistryError(error, 'BLOB_UPLOAD_UNKNOWN')) await this.clearPurged(object);
      throw error;
    }
  }

  /**
   * What was written after its object had been purged would lie there for ever. Only where metadata says that the
   * object is purging or gone: its id is never used again. A session may also have ended well, by its successor.
   */
  private async clearPurged(object: string): Promise<void> {
    const state = await this.calls.ask(ReadObject, { object }).catch((error: unknown) => error);
    if (isRegistryError(state, 'BLOB_UNKNOWN')) await this.driver.purge(object).catch(() => undefined);
  }

  /** A writer that lost its session is told where its successor stands. */
  private async withOffset(session: string, error: unknown): Promise<unknown> {
    if (!isRegistryError(error, 'STALE') || error.detail !== undefined) return error;
    const now = await this.calls.ask(ReadSession, { session }).catch(() => null);
    return now ? stale(error.message, now.offset) : error;
  }
}

const wrongOffset = (offset: number): RegistryError =>
  stale(`the upload goes on at byte ${offset}: ask where it stands and continue there`, offset);

const overtakenBy = (taken: TakenSession): RegistryError =>
  stale(`another request took upload session ${taken.session}: ask where it stands and continue there`);

/** What a session's writer knows of its object without asking. */
function viewOf(taken: TakenSession): ObjectView {
  return {
    state: 'uploading',
    digest: taken.expectedDigest,
    size: taken.expectedSize,
    lost: false,
    extents: byOffset(taken.extents),
    writer: null,
  };
}
