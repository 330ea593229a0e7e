import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { ClaimOperations, EndCancelled, FailOperation, RenewOperations } from '#contracts/calls/operations';
import { PruneImages } from '#contracts/calls/plans';
import { ReadCleanup } from '#contracts/calls/runs';
import type { AnswerOf } from '#contracts/define-call';
import { GcResumed, OperationAccepted } from '#contracts/facts';
import { Bus } from '#messaging/bus';
import { Pace } from '#messaging/pace';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { isRegistryError, toErrorEnvelope, unavailable } from '#oci/registry-error';
import { inWork } from '#telemetry/in-work';
import { GC_CONFIG, type GcConfig } from './gc.config';

type Claimed = AnswerOf<typeof ClaimOperations>['operations'][number];

/** Images of one transaction: their tags are locked together, and somebody may wait for one of them. */
const IMAGES_AT_ONCE = 50;

/**
 * Carries out accepted prunes, batch by batch: between two, it hears whether it was called off, and keeps its pace. A
 * worker that dies leaves the rest of the plan to the next one.
 */
@Injectable()
export class PruneHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly worker = randomUUID();
  private readonly loop: WorkLoop;
  private readonly pace: Pace;
  private readonly stopping = new AbortController();
  private unsubscribes: (() => void)[] = [];

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    @Inject(GC_CONFIG) config: GcConfig,
  ) {
    this.loop = new WorkLoop('Prune', config.ENTREPOT_GC_SWEEP_MS, () => this.look());
    this.pace = new Pace(config.ENTREPOT_GC_PER_SECOND);
  }

  onApplicationBootstrap(): void {
    this.unsubscribes = [OperationAccepted, GcResumed].map((fact) =>
      this.bus.subscribe(fact.subject, () => this.loop.wake()),
    );
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    for (const unsubscribe of this.unsubscribes) unsubscribe();
    this.stopping.abort();
    await this.loop.stop();
  }

  /** One at a time: a prune may be long, and other replicas take the others. */
  private async look(): Promise<Found> {
    if (this.stopping.signal.aborted) return { nextInMs: null };
    if ((await this.calls.ask(ReadCleanup, {})).paused) return { nextInMs: null };
    const question = { worker: this.worker, kinds: ['prune' as const], limit: 1 };
    const { operations, nextInMs } = await this.calls.ask(ClaimOperations, question);
    for (const operation of operations)
      await inWork('prune', { operation: operation.id, traceparent: operation.traceparent }, () =>
        this.prune(operation),
      );
    return operations.length > 0 ? 'more' : { nextInMs };
  }

  private async prune({ id, epoch }: Claimed): Promise<void> {
    try {
      while (await this.pruneSome({ id, epoch })) await this.pace.wait(this.stopping.signal);
    } catch (error) {
      await this.fail(id, epoch, error);
    }
  }

  /** Answers whether there is more to do. */
  private async pruneSome(claim: { id: string; epoch: number }): Promise<boolean> {
    const { cancelled, lost } = await this.calls.ask(RenewOperations, { operations: [claim] });
    if (lost.length > 0) return false;
    if (cancelled.length > 0) {
      await this.calls.ask(EndCancelled, claim);
      return false;
    }
    if (this.stopping.signal.aborted) return this.giveBack(claim);
    const done = await this.calls.ask(PruneImages, { ...claim, limit: IMAGES_AT_ONCE });
    const { ended, paused, removed, left, retryAfterMs } = done;
    if (paused) return this.giveBack(claim, retryAfterMs ?? 0);
    this.pace.did(removed + left);
    return !ended;
  }

  /** Whoever takes it up goes on where this one ended; it is no attempt that failed. */
  private async giveBack(claim: { id: string; epoch: number }, retryAfterMs = 0): Promise<false> {
    const error = toErrorEnvelope(unavailable('cleanup'));
    await this.calls.ask(FailOperation, { ...claim, error, temporary: true, giveBack: true, retryAfterMs });
    return false;
  }

  /** A lost epoch is somebody else's work now; a timeout means unknown, and the operation's lease decides. */
  private async fail(id: string, epoch: number, error: unknown): Promise<void> {
    if (isRegistryError(error, 'STALE', 'TIMEOUT')) return;
    const temporary = isRegistryError(error, 'UNAVAILABLE', 'INTERNAL');
    await this.calls.ask(FailOperation, { id, epoch, error: toErrorEnvelope(error), temporary });
  }
}
