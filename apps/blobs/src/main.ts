import 'reflect-metadata';
import { runService } from '#service/run-service';
import { BlobsConfigSchema } from './blobs.config';
import { BlobsModule } from './blobs.module';

runService({
  name: 'blobs',
  schema: BlobsConfigSchema,
  module: (config) => BlobsModule.with(config),
});
