import 'reflect-metadata';
import { runMain } from '#service/run-main';
import { startService } from '#service/start-service';
import { MetadataConfigSchema } from './metadata.config';
import { MetadataModule } from './metadata.module';

runMain(() =>
  startService({
    name: 'metadata',
    schema: MetadataConfigSchema,
    module: (config) => MetadataModule.with(config),
    takesRequests: true,
  }),
);
