import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ApiPageController } from './api-page.controller';
import { BlobHandler } from './blob.handler';
import { BlobStore } from './blob.store';
import { GATEWAY_CONFIG, type GatewayConfig } from './gateway.config';
import { GatewayMetrics } from './gateway-metrics';
import { HealthController } from './health.controller';
import { ImagePlatforms } from './image-platforms';
import { ImagesController } from './images.controller';
import { ManifestHandler } from './manifest.handler';
import { ManifestStore } from './manifest.store';
import { OperationWatch } from './operation-watch';
import { OperationsController } from './operations.controller';
import { OtherMethodsController } from './other-methods.controller';
import { ProblemFilter } from './problem.filter';
import { PullCounts } from './pull-counts';
import { RegistryController } from './registry.controller';
import { TagListHandler } from './tag-list.handler';

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
        OtherMethodsController,
        ApiPageController,
        HealthController,
      ],
      providers: [
        { provide: GATEWAY_CONFIG, useValue: config },
        { provide: APP_FILTER, useClass: ProblemFilter },
        GatewayMetrics,
        PullCounts,
        ManifestStore,
        ManifestHandler,
        BlobStore,
        BlobHandler,
        ImagePlatforms,
        TagListHandler,
        OperationWatch,
      ],
    };
  }
}
