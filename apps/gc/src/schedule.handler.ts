import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { FireSchedules } from '#contracts/calls/schedules';
import { WorkLoop } from '#messaging/work-loop';
import { GC_CONFIG, type GcConfig } from './gc.config';

/** Has what is due accepted. Every replica looks; each time of a schedule is accepted once. */
@Injectable()
export class ScheduleHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly loop: WorkLoop;

  constructor(
    private readonly calls: Calls,
    @Inject(GC_CONFIG) config: GcConfig,
  ) {
    this.loop = new WorkLoop('Schedules', config.ENTREPOT_GC_SWEEP_MS, async () => {
      const { fired, nextInMs } = await this.calls.ask(FireSchedules, {});
      return fired > 0 ? 'more' : { nextInMs };
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }
}
