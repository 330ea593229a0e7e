import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { z } from 'zod';
import { BlobFailed, BlobStored } from '#contracts/facts';
import { Bus } from '#messaging/bus';

/** As much of a fact as is needed to know whom it wakes. */
const EndSchema = z.object({ data: z.object({ digest: z.string() }) });

/** Tells whoever waits for a blob that it was stored, or failed. */
@Injectable()
export class BlobEnds implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly waiting = new Set<{ digests: ReadonlySet<string>; end: () => void }>();
  private unsubscribe: (() => void)[] = [];

  constructor(private readonly bus: Bus) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = [BlobStored, BlobFailed].map(({ subject }) =>
      this.bus.subscribe(subject, (fact) => this.wake(EndSchema.safeParse(fact).data?.data.digest)),
    );
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.unsubscribe) unsubscribe();
  }

  /**
   * Resolves at the next end of one of these blobs, after `ms` in case it was not heard, or when it is no longer
   * wanted: the signal must be aborted once nobody waits.
   */
  next(digests: ReadonlySet<string>, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.waiting.delete(waiting);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const waiting = { digests, end };
      const timer = setTimeout(end, ms);
      this.waiting.add(waiting);
      signal.addEventListener('abort', end);
    });
  }

  private wake(digest: string | undefined): void {
    if (digest === undefined) return;
    for (const { digests, end } of [...this.waiting]) if (digests.has(digest)) end();
  }
}
