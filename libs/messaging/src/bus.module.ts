import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Bus } from './bus';

/** One connection to the bus for all of a process. */
@Global()
@Module({})
export class BusModule {
  static of(bus: Bus): DynamicModule {
    return { module: BusModule, providers: [{ provide: Bus, useValue: bus }], exports: [Bus] };
  }
}
