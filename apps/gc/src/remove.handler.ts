import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { RemoveImage } from '#contracts/calls/images';
import { ClaimOperations, EndCancelled, FailOperation, RenewOperations } from '#contracts/calls/operations';
import type { AnswerOf } from '#contracts/define-call';
import { OperationAccepted } from '#contracts/facts';
import { Bus } from '#messaging/bus';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { isRegistryError, toErrorEnvelope } from '#oci/registry-error';
import { inWork } from '#telemetry/in-work';
import { GC_CONFIG, type GcConfig } from './gc.config';

type Claimed = AnswerOf<typeof ClaimOperations>['operations'][number];

const CLAIMED_AT_ONCE = 16;
const KINDS = ['remove', 'container-prune'] as const;

/** Carries out accepted removes of many images, and prunes of many containers, part by part: small ones were done when they were taken in. A second delivery is harmless: the effect and the end of an operation are one commit. */
@Injectable()
export class RemoveHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly worker = randomUUID();
  private readonly loop: WorkLoop;
  private unsubscribe: (() => void) | undefined;

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    @Inject(GC_CONFIG) config: GcConfig,
  ) {
    this.loop = new WorkLoop('Remove', config.ENTREPOT_GC_SWEEP_MS, () => this.look());
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.bus.subscribe(OperationAccepted.subject, () => this.loop.wake());
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.unsubscribe?.();
    await this.loop.stop();
  }

  private async look(): Promise<Found> {
    const question = { worker: this.worker, kinds: [...KINDS], limit: CLAIMED_AT_ONCE };
    const { operations, nextInMs } = await this.calls.ask(ClaimOperations, question);
    for (const operation of operations)
      await inWork('remove', { operation: operation.id, traceparent: operation.traceparent }, () =>
        this.remove(operation),
      );
    return operations.length === CLAIMED_AT_ONCE ? 'more' : { nextInMs };
  }

  private async remove({ id, epoch }: Claimed): Promise<void> {
    try {
      for (let more = true; more; ) {
        const { cancelled } = await this.calls.ask(RenewOperations, { operations: [{ id, epoch }] });
        if (cancelled.length > 0) return void (await this.calls.ask(EndCancelled, { id, epoch }));
        ({ more } = await this.calls.ask(RemoveImage, { id, epoch }));
      }
    } catch (error) {
      await this.fail(id, epoch, error);
    }
  }

  /** A lost epoch is somebody else's work now; a timeout means unknown, and the operation's lease decides. */
  private async fail(id: string, epoch: number, error: unknown): Promise<void> {
    if (isRegistryError(error, 'STALE', 'TIMEOUT')) return;
    const temporary = isRegistryError(error, 'UNAVAILABLE', 'INTERNAL');
    await this.calls.ask(FailOperation, { id, epoch, error: toErrorEnvelope(error), temporary });
  }
}
