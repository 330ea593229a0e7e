import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { GATEWAY_CONFIG, type GatewayConfig } from './gateway.config';
import { GatewayMetrics } from './gateway-metrics';
import { HealthController } from './health.controller';
import { BlobHandler } from './registry/blob.handler';
import { BlobStore } from './registry/blob.store';
import { ManifestHandler } from './registry/manifest.handler';
import { ManifestStore } from './registry/manifest.store';
import { PullCounts } from './registry/pull-counts';
import { RegistryController } from './registry/registry.controller';
import { TagListHandler } from './registry/tag-list.handler';
import { RequestTraces } from './request-traces';
import { ApiPageController } from './rest/api-page.controller';
import { BusUsersController } from './rest/bus-users.controller';
import { BytesController } from './rest/bytes.controller';
import { ContainerConfigs } from './rest/container-configs';
import { ContainersController } from './rest/containers.controller';
import { DeadLettersController } from './rest/dead-letters.controller';
import { EventsController } from './rest/events.controller';
import { FactFeed } from './rest/fact-feed';
import { GcController } from './rest/gc.controller';
import { ImageConfigs } from './rest/image-configs';
import { ImagePlatforms } from './rest/image-platforms';
import { ImagesController } from './rest/images.controller';
import { InspectController } from './rest/inspect.controller';
import { NamesController } from './rest/names.controller';
import { OperationWatch } from './rest/operation-watch';
import { OperationsController } from './rest/operations.controller';
import { OtherMethodsController } from './rest/other-methods.controller';
import { ProblemFilter } from './rest/problem.filter';
import { PruneController } from './rest/prune.controller';
import { SchedulesController } from './rest/schedules.controller';
import { TrashController } from './rest/trash.controller';
import { WhyController } from './rest/why.controller';

/**
 * Every HTTP face. Its server must be a `GatewayAdapter`, which holds the limits. `Calls`, `BytePlane`,
 * `CAPABILITY_SECRET` and `Bus` come from global modules.
 */
@Module({})
export class GatewayModule {
  static with(config: GatewayConfig): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [
        RegistryController,
        OperationsController,
        ImagesController,
        InspectController,
        WhyController,
        TrashController,
        NamesController,
        BytesController,
        ContainersController,
        EventsController,
        DeadLettersController,
        PruneController,
        SchedulesController,
        BusUsersController,
        GcController,
        OtherMethodsController,
        ApiPageController,
        HealthController,
      ],
      providers: [
        { provide: GATEWAY_CONFIG, useValue: config },
        { provide: APP_FILTER, useClass: ProblemFilter },
        GatewayMetrics,
        RequestTraces,
        PullCounts,
        ManifestStore,
        ManifestHandler,
        BlobStore,
        BlobHandler,
        ImageConfigs,
        ContainerConfigs,
        ImagePlatforms,
        TagListHandler,
        OperationWatch,
        FactFeed,
      ],
    };
  }
}
