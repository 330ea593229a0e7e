import { Logger } from '@nestjs/common';
import { leasesLost } from './fetcher-metrics';

/** Why a worker stops what it has claimed. */
export type StopReason = 'cancelled' | 'lost' | 'draining';

export interface Claimed {
  readonly id: string;
  readonly epoch: number;
}

interface Lease<Work extends Claimed> {
  readonly work: Work;
  readonly abort: AbortController;
}

/** Answers the ids that are to stop, by reason. */
export type Renew = (claimed: Claimed[]) => Promise<{ lost: readonly string[]; cancelled: readonly string[] }>;

/** How many leases one question renews. */
const BATCH = 64;

/** What this process has claimed: renewed in time, stopped when it is no longer ours. */
export class Leases<Work extends Claimed> {
  private readonly held = new Map<string, Lease<Work>>();
  private timer: NodeJS.Timeout | undefined;
  private isRenewing = false;

  constructor(
    private readonly kind: 'fill' | 'operation',
    private readonly log: Logger,
    private readonly renew: Renew,
    private readonly renewMs: number,
  ) {}

  hold(work: Work): AbortSignal {
    const abort = new AbortController();
    this.held.get(work.id)?.abort.abort('lost');
    this.held.set(work.id, { work, abort });
    this.timer ??= setInterval(() => void this.renewAll(), this.renewMs);
    return abort.signal;
  }

  /** The same id may have been claimed anew meanwhile: then that lease stays. */
  release(work: Work): void {
    if (this.held.get(work.id)?.work === work) this.held.delete(work.id);
    if (this.held.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  stopAll(reason: StopReason): void {
    for (const { abort } of this.held.values()) abort.abort(reason);
  }

  private lose(abort: AbortController | undefined): void {
    if (abort === undefined || abort.signal.aborted) return;
    leasesLost.inc({ kind: this.kind });
    abort.abort('lost');
  }

  private async renewAll(): Promise<void> {
    if (this.isRenewing) return;
    this.isRenewing = true;
    const held = [...this.held.values()];
    const batches = Array.from({ length: Math.ceil(held.length / BATCH) }, (_, n) =>
      held.slice(n * BATCH, (n + 1) * BATCH),
    );
    await Promise.all(batches.map((batch) => this.renewBatch(batch)));
    this.isRenewing = false;
  }

  /** While metadata is away nothing is stopped: what is done under an epoch that has passed is refused. */
  private async renewBatch(batch: readonly Lease<Work>[]): Promise<void> {
    try {
      const { lost, cancelled } = await this.renew(batch.map(({ work: { id, epoch } }) => ({ id, epoch })));
      const asked = new Map(batch.map((lease) => [lease.work.id, lease.abort]));
      for (const id of lost) this.lose(asked.get(id));
      for (const id of cancelled) asked.get(id)?.abort('cancelled');
    } catch (error) {
      this.log.warn(`cannot renew leases: ${(error as Error).message}`);
    }
  }
}
