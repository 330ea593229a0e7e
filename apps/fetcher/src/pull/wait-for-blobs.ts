import { Inject, Injectable } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { ReadOperationBlobs } from '#contracts/calls/operations';
import type { OperationError } from '#contracts/operation';
import type { Principal } from '#contracts/principal';
import { type Progress, progressSubject } from '#contracts/progress';
import { Bus } from '#messaging/bus';
import { FETCHER_CONFIG, type FetcherConfig } from '../fetcher.config';
import type { Claimed } from '../leases';
import { BlobEnds } from './blob-ends';

export interface WaitingOperation extends Claimed {
  readonly principal: Principal;
}

/** A blob could not be had in all the attempts it is given: another attempt of the pull would not help. */
export class FailedFill extends Error {
  override readonly name = 'FailedFill';

  constructor(readonly error: OperationError) {
    super(error.message);
  }
}

/** So many look as often as they are told to; more of them look more seldom, for together they ask no more than these. */
const LOOKING = 32;

/** Waits until the blobs of an operation are held, and says meanwhile how far it is. */
@Injectable()
export class BlobWait {
  private waiting = 0;

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    private readonly ends: BlobEnds,
    @Inject(FETCHER_CONFIG) private readonly config: FetcherConfig,
  ) {}

  /** Answers the bytes of all blobs together, once none is missing. Throws FailedFill. */
  async all(operation: WaitingOperation, digests: ReadonlySet<string>, signal: AbortSignal): Promise<number> {
    const done = new AbortController();
    this.waiting += 1;
    try {
      return await this.wait(operation, digests, AbortSignal.any([signal, done.signal]));
    } finally {
      this.waiting -= 1;
      done.abort();
    }
  }

  report({ id, principal }: WaitingOperation, progress: Omit<Progress, 'operation'>): void {
    this.bus.publish(progressSubject(principal, id), { operation: id, ...progress } satisfies Progress);
  }

  /** Listens before it looks: an end in between is not missed. */
  private async wait(operation: WaitingOperation, digests: ReadonlySet<string>, signal: AbortSignal): Promise<number> {
    const { id, epoch } = operation;
    for (let reportedAt = Number.NEGATIVE_INFINITY; ; ) {
      signal.throwIfAborted();
      const everyMs = this.config.ENTREPOT_FETCH_PROGRESS_MS * Math.max(1, this.waiting / LOOKING);
      const ended = this.ends.next(digests, everyMs, signal);
      const { missing, failed, bytesDone, bytesTotal } = await this.calls.ask(ReadOperationBlobs, { id, epoch });
      if (missing === 0 || performance.now() - reportedAt >= everyMs) {
        reportedAt = performance.now();
        this.report(operation, { phase: 'filling', bytesDone, bytesTotal, missing });
      }
      const [first] = failed;
      if (first !== undefined) throw new FailedFill(first.error);
      if (missing === 0) return bytesTotal;
      await ended;
    }
  }
}
