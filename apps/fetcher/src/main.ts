import 'reflect-metadata';
import { runMain } from '#service/run-main';
import { startService } from '#service/start-service';
import { FetcherConfigSchema } from './fetcher.config';
import { FetcherModule } from './fetcher.module';

runMain(() =>
  startService({
    name: 'fetcher',
    schema: FetcherConfigSchema,
    module: (config) => FetcherModule.with(config),
  }),
);
