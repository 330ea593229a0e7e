import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { BlobController } from './blob.controller';
import { BlobReviewStore } from './blob-review.store';
import { RowsCheck } from './check-rows';
import { CollectionController } from './collection.controller';
import { CommitManifestHandler } from './commit-manifest.handler';
import { Database } from './database';
import { endLeases } from './end-leases';
import { FillStore } from './fill.store';
import { FinishSessionHandler } from './finish-session.handler';
import { HotClient } from './hot-client';
import { HotQuestions } from './hot-questions';
import { ImageController } from './image.controller';
import { ImageStore } from './image.store';
import { ImageNameStore } from './image-name.store';
import { IntakeController } from './intake.controller';
import { ManifestController } from './manifest.controller';
import { ManifestStore } from './manifest.store';
import { ManifestReviewStore } from './manifest-review.store';
import { METADATA_CONFIG, type MetadataConfig } from './metadata.config';
import { ObjectController } from './object.controller';
import { ObjectStore } from './object.store';
import { ObjectListStore } from './object-list.store';
import { OperationController } from './operation.controller';
import { OperationStore } from './operation.store';
import { OperationWorkController } from './operation-work.controller';
import { OperationWorkStore } from './operation-work.store';
import { OutboxRelayHandler } from './outbox-relay.handler';
import { OutboxRowsStore } from './outbox-rows.store';
import { PresenceStore } from './presence.store';
import { PullCountController } from './pull-count.controller';
import { PullCountStore } from './pull-count.store';
import { PullWorkStore } from './pull-work.store';
import { PurgeStore } from './purge.store';
import { RemoveImageHandler } from './remove-image.handler';
import { ReviewHandler } from './review.handler';
import { SessionController } from './session.controller';
import { SessionStore } from './session.store';
import { TagController } from './tag.controller';
import { TagStore } from './tag.store';
import { WantBlobHandler } from './want-blob.handler';

/** Truth: Postgres, requests taken in, facts sent out. */
const CONTROLLERS: Type[] = [
  CollectionController,
  ManifestController,
  TagController,
  BlobController,
  SessionController,
  ObjectController,
  IntakeController,
  OperationController,
  OperationWorkController,
  ImageController,
  PullCountController,
];

const PROVIDERS: Provider[] = [
  PresenceStore,
  ReviewHandler,
  ManifestReviewStore,
  BlobReviewStore,
  PurgeStore,
  ObjectListStore,
  RowsCheck,
  HotClient,
  HotQuestions,
  ManifestStore,
  CommitManifestHandler,
  FillStore,
  WantBlobHandler,
  SessionStore,
  FinishSessionHandler,
  ObjectStore,
  ImageNameStore,
  ImageStore,
  OperationStore,
  OperationWorkStore,
  OutboxRelayHandler,
  OutboxRowsStore,
  PullCountStore,
  PullWorkStore,
  RemoveImageHandler,
  TagStore,
];

@Module({})
export class MetadataModule {
  /**
   * Starts when Postgres answers and its schema is this program's. `alone`: no other process works on this database,
   * so that whoever had a lease of it is dead.
   */
  static with(config: MetadataConfig, { alone = false } = {}): DynamicModule {
    return {
      module: MetadataModule,
      controllers: CONTROLLERS,
      providers: [
        { provide: METADATA_CONFIG, useValue: config },
        { provide: Database, useFactory: () => openDatabase(config, alone) },
        ...PROVIDERS,
      ],
      exports: [Database],
    };
  }
}

export async function openDatabase(config: MetadataConfig, alone = false): Promise<Database> {
  const database = await Database.open({
    url: config.DATABASE_URL,
    poolSize: config.ENTREPOT_DATABASE_POOL,
    waitMs: config.ENTREPOT_DATABASE_WAIT_MS,
  });
  if (alone) await endLeases(database);
  return database;
}
