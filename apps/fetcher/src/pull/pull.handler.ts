import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { z } from 'zod';
import { Calls } from '#calls/calls';
import { ContainerCreateBodySchema } from '#contracts/bodies/container';
import { PullBodySchema } from '#contracts/bodies/pull';
import { ClaimOperations, EndCancelled, FailOperation, RenewOperations } from '#contracts/calls/operations';
import { OperationAccepted } from '#contracts/facts';
import type { OperationKind } from '#contracts/operation';
import type { Principal } from '#contracts/principal';
import { Bus } from '#messaging/bus';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { readPlainly } from '#oci/read-plainly';
import { invalidField, isRegistryError } from '#oci/registry-error';
import { inWork } from '#telemetry/in-work';
import { FETCHER_CONFIG, type FetcherConfig } from '../fetcher.config';
import { pullsRunning } from '../fetcher-metrics';
import { Leases, type StopReason } from '../leases';
import { toOperationError } from '../operation-error';
import { decideRetry } from '../upstream/decide-retry';
import { WORKER } from '../worker';
import { ImagePull, type PullOperation } from './pull-image';
import { FailedFill } from './wait-for-blobs';

interface ClaimedOperation {
  readonly id: string;
  readonly epoch: number;
  readonly attempts: number;
  readonly principal: Principal;
  readonly kind: OperationKind;
  readonly body: Record<string, unknown>;
  readonly traceparent?: string | null | undefined;
}

/** Claims operations that pull and brings each to one of its three ends. */
@Injectable()
export class PullHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Fetcher');
  private readonly loop: WorkLoop;
  private readonly leases: Leases<ClaimedOperation>;
  private readonly running = new Set<Promise<void>>();
  /** Those of them that do more than wait for their layers. */
  private readonly resolving = new Set<ClaimedOperation>();
  private unsubscribe = () => {};

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    private readonly images: ImagePull,
    @Inject(WORKER) private readonly worker: string,
    @Inject(FETCHER_CONFIG) private readonly config: FetcherConfig,
  ) {
    this.loop = new WorkLoop('Fetcher', config.ENTREPOT_FETCH_SWEEP_MS, () => this.claim());
    this.leases = new Leases(
      'operation',
      this.log,
      (operations) => this.calls.ask(RenewOperations, { operations }),
      config.ENTREPOT_FETCH_RENEW_MS,
    );
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.bus.subscribe(OperationAccepted.subject, () => this.loop.wake());
    this.loop.start();
  }

  /** Gives back what runs, for another fetcher. */
  async onModuleDestroy(): Promise<void> {
    this.unsubscribe();
    await this.loop.stop();
    this.leases.stopAll('draining');
    await Promise.all(this.running);
  }

  private async claim(): Promise<Found> {
    const { ENTREPOT_FETCH_PULLS: most, ENTREPOT_FETCH_PULLS_HELD: mostHeld } = this.config;
    const limit = Math.min(most - this.resolving.size, mostHeld - this.running.size);
    if (limit <= 0) return { nextInMs: null };
    const { operations, nextInMs } = await this.calls.ask(ClaimOperations, {
      worker: this.worker,
      kinds: ['pull', 'container-create'],
      limit,
    });
    for (const operation of operations) {
      this.resolving.add(operation);
      const lease = this.leases.hold(operation);
      const run = inWork('pull', belongingTo(operation), () => this.run(operation, lease)).finally(() => {
        this.running.delete(run);
        this.leaveResolving(operation);
        this.loop.wake();
      });
      this.running.add(run);
    }
    return operations.length > 0 ? 'more' : { nextInMs };
  }

  private async run(operation: ClaimedOperation, signal: AbortSignal): Promise<void> {
    pullsRunning.inc();
    try {
      const resolved = await this.images.resolve(readBody(operation), signal);
      this.leaveResolving(operation);
      if (resolved !== null) await this.images.complete(resolved, signal);
    } catch (error) {
      await this.end(operation, signal, error);
    } finally {
      pullsRunning.dec();
      this.leases.release(operation);
    }
  }

  private leaveResolving(operation: ClaimedOperation): void {
    const wasFull = this.resolving.size >= this.config.ENTREPOT_FETCH_PULLS;
    if (this.resolving.delete(operation) && wasFull) this.loop.wake();
  }

  /** What cannot be said is found out when the lease runs out. */
  private async end(operation: ClaimedOperation, signal: AbortSignal, error: unknown): Promise<void> {
    const calledOff = isRegistryError(error, 'CANCELLED') ? 'cancelled' : undefined;
    const reason: StopReason | undefined = signal.aborted ? signal.reason : calledOff;
    const ended = reason === undefined ? this.fail(operation, error) : this.stop(operation, reason);
    await ended.catch((fault: Error) => {
      if (!isRegistryError(fault, 'STALE')) this.log.warn(`cannot end pull ${operation.id}: ${fault.message}`);
    });
  }

  private async fail({ id, epoch, attempts }: ClaimedOperation, error: unknown): Promise<void> {
    if (isRegistryError(error, 'STALE')) return;
    const end =
      error instanceof FailedFill
        ? { error: error.error, temporary: false }
        : { error: toOperationError(error), ...decideRetry(error, attempts) };
    this.log.warn(`pull ${id}: ${end.error.message}`);
    await this.calls.ask(FailOperation, { id, epoch, ...end });
  }

  private async stop({ id, epoch }: ClaimedOperation, reason: StopReason): Promise<void> {
    if (reason === 'lost') return;
    if (reason === 'cancelled') {
      await this.calls.ask(EndCancelled, { id, epoch });
      return;
    }
    const error = { code: 'UNAVAILABLE', message: 'the fetcher stopped: another one goes on' };
    await this.calls.ask(FailOperation, { id, epoch, error, temporary: true, retryAfterMs: 0, giveBack: true });
  }
}

function belongingTo({ id: operation, traceparent }: ClaimedOperation) {
  return { operation, traceparent };
}

/** A container's image is pulled as by itself; the container is made by the commit that completes the pull. */
function readBody({ body, ...operation }: ClaimedOperation): PullOperation {
  if (operation.kind !== 'container-create') return { ...operation, ...parse(PullBodySchema, body) };
  const { image, platform } = parse(ContainerCreateBodySchema, body);
  return { ...operation, reference: image, platforms: platform === undefined ? 'host' : [platform] };
}

function parse<T>(schema: z.ZodType<T>, body: Record<string, unknown>): T {
  const { data, fault } = readPlainly(schema, body);
  if (fault) throw invalidField(fault.field || 'the request', fault.rule);
  return data;
}
