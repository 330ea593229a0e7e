import 'reflect-metadata';
import { runService } from '#service/run-service';
import { GcConfigSchema } from './gc.config';
import { GcModule } from './gc.module';

runService({
  name: 'gc',
  schema: GcConfigSchema,
  module: (config) => GcModule.with(config),
});
