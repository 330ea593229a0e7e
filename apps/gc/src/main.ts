import 'reflect-metadata';
import { runMain } from '#service/run-main';
import { startService } from '#service/start-service';
import { GcConfigSchema } from './gc.config';
import { GcModule } from './gc.module';

runMain(() =>
  startService({
    name: 'gc',
    schema: GcConfigSchema,
    module: (config) => GcModule.with(config),
  }),
);
