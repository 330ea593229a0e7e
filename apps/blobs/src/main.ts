import 'reflect-metadata';
import { runMain } from '#service/run-main';
import { startService } from '#service/start-service';
import { BlobsConfigSchema } from './blobs.config';
import { BlobsModule } from './blobs.module';

runMain(() =>
  startService({
    name: 'blobs',
    schema: BlobsConfigSchema,
    module: (config) => BlobsModule.with(config),
  }),
);
