import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Bus } from '#messaging/bus';
import { OutboxRelay } from '#messaging/outbox-relay';
import { OutboxRowsStore } from './outbox-rows.store';

/** Sends facts out, in the process that takes requests in: not in one that only looks into the database. */
@Injectable()
export class OutboxRelayHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly relay: OutboxRelay | null;

  constructor(bus: Bus, rows: OutboxRowsStore) {
    this.relay = bus.keepsStreams ? new OutboxRelay(bus, rows) : null;
  }

  onApplicationBootstrap(): void {
    this.relay?.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.relay?.stop();
  }
}
