import 'reflect-metadata';
import { runService } from '#service/run-service';
import { FetcherConfigSchema } from './fetcher.config';
import { FetcherModule } from './fetcher.module';

runService({
  name: 'fetcher',
  schema: FetcherConfigSchema,
  module: (config) => FetcherModule.with(config),
});
