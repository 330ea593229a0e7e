import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { BlobFailed, BlobStored } from '#contracts/facts';
import { Bus } from '#messaging/bus';

/** Tells whoever waits for blobs that one was stored, or failed. */
@Injectable()
export class BlobEnds implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly waiting = new Set<() => void>();
  private unsubscribe: (() => void)[] = [];

  constructor(private readonly bus: Bus) {}

  onApplicationBootstrap(): void {
    const wake = () => {
      for (const resolve of [...this.waiting]) resolve();
    };
    this.unsubscribe = [BlobStored, BlobFailed].map(({ subject }) => this.bus.subscribe(subject, wake));
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.unsubscribe) unsubscribe();
  }

  /** Resolves at the next end of a blob, anybody's, or after `ms` in case it was not heard, or when it is no longer wanted. */
  next(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.waiting.delete(end);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.waiting.add(end);
      signal.addEventListener('abort', end);
    });
  }
}
