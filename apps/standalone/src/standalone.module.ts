import { type DynamicModule, Module } from '@nestjs/common';
import { BlobsModule } from '#apps/blobs/src/blobs.module';
import { FetcherModule } from '#apps/fetcher/src/fetcher.module';
import { GatewayModule } from '#apps/gateway/src/gateway.module';
import { GcModule } from '#apps/gc/src/gc.module';
import { MetadataModule } from '#apps/metadata/src/metadata.module';
import { LinksModule } from '#calls/links.module';
import type { Bus } from '#messaging/bus';
import { BusModule } from '#messaging/bus.module';
import type { WarehouseSettings } from './read-settings';

/** All five services in one process; they still speak to each other by calls alone. */
@Module({})
export class StandaloneModule {
  static with(settings: WarehouseSettings, secret: Uint8Array, bus: Bus, ownsDatabase: boolean): DynamicModule {
    return {
      module: StandaloneModule,
      imports: [
        LinksModule.inProcess(secret),
        BusModule.of(bus),
        MetadataModule.with(settings.metadata, { alone: ownsDatabase }),
        BlobsModule.with(settings.blobs),
        FetcherModule.with(settings.fetcher),
        GcModule.with(settings.gc),
        GatewayModule.with(settings.gateway),
      ],
    };
  }
}
