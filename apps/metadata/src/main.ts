import 'reflect-metadata';
import { runService } from '#service/run-service';
import { MetadataConfigSchema } from './metadata.config';
import { MetadataModule } from './metadata.module';

runService({
  name: 'metadata',
  schema: MetadataConfigSchema,
  module: (config) => MetadataModule.with(config),
  takesRequests: true,
});
