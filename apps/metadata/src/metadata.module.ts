import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { Database } from './database';
import { METADATA_CONFIG, type MetadataConfig } from './metadata.config';

/** Truth: Postgres, requests taken in, facts sent out. */
const CONTROLLERS: Type[] = [];

const PROVIDERS: Provider[] = [];

@Module({})
export class MetadataModule {
  /** Starts when Postgres answers and its schema is this program's. */
  static with(config: MetadataConfig): DynamicModule {
    return {
      module: MetadataModule,
      controllers: CONTROLLERS,
      providers: [
        { provide: METADATA_CONFIG, useValue: config },
        { provide: Database, useFactory: () => openDatabase(config) },
        ...PROVIDERS,
      ],
      exports: [Database],
    };
  }
}

export function openDatabase(config: MetadataConfig): Promise<Database> {
  return Database.open({
    url: config.DATABASE_URL,
    poolSize: config.ENTREPOT_DATABASE_POOL,
    waitMs: config.ENTREPOT_DATABASE_WAIT_MS,
  });
}
