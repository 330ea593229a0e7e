import { type DynamicModule, Module } from '@nestjs/common';
import { Collector } from './collector';
import { GC_CONFIG, type GcConfig } from './gc.config';
import { PruneHandler } from './prune.handler';
import { RemoveHandler } from './remove.handler';
import { ScheduleHandler } from './schedule.handler';

/** When and what to clean; every decision is carried out as a command of `metadata`. */
@Module({})
export class GcModule {
  static with(config: GcConfig): DynamicModule {
    return {
      module: GcModule,
      providers: [{ provide: GC_CONFIG, useValue: config }, Collector, RemoveHandler, PruneHandler, ScheduleHandler],
    };
  }
}
