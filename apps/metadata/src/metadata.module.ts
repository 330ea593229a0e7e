import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { AdoptObjectHandler } from './adoption/adopt-object.handler';
import { AdoptionController } from './adoption/adoption.controller';
import { AdoptionStore } from './adoption/adoption.store';
import { BlobController } from './blob/blob.controller';
import { BlobReferencesStore } from './blob/blob-references.store';
import { FillStore } from './blob/fill.store';
import { WantBlobHandler } from './blob/want-blob.handler';
import { BusLoginHandler } from './bus-user/bus-login.handler';
import { BusUserController } from './bus-user/bus-user.controller';
import { BusUserStore } from './bus-user/bus-user.store';
import { ChangeContainerHandler } from './container/change-container.handler';
import { ContainerController } from './container/container.controller';
import { ContainerStore } from './container/container.store';
import { CreateContainerHandler } from './container/create-container.handler';
import { RemoveContainerHandler } from './container/remove-container.handler';
import { ReportContainersHandler } from './container/report-containers.handler';
import { Database } from './database/database';
import { endLeases } from './database/end-leases';
import { HotClient } from './database/hot-client';
import { PingController } from './database/ping.controller';
import { PresenceStore } from './database/presence.store';
import { HotQuestions } from './hot/hot-questions';
import { ImageController } from './image/image.controller';
import { ImageStore } from './image/image.store';
import { ImageConfigController } from './image/image-config.controller';
import { ImageConfigStore } from './image/image-config.store';
import { ImageNameStore } from './image/image-name.store';
import { InspectImageStore } from './image/inspect-image.store';
import { PullCountController } from './image/pull-count.controller';
import { PullCountStore } from './image/pull-count.store';
import { RemovalStore } from './image/removal.store';
import { RemoveImageHandler } from './image/remove-image.handler';
import { SharedLayersStore } from './image/shared-layers.store';
import { JournalController } from './journal/journal.controller';
import { JournalStore } from './journal/journal.store';
import { CommitManifestHandler } from './manifest/commit-manifest.handler';
import { CopyImageHandler } from './manifest/copy-image.handler';
import { ManifestController } from './manifest/manifest.controller';
import { ManifestStore } from './manifest/manifest.store';
import { METADATA_CONFIG, type MetadataConfig } from './metadata.config';
import { NameListController } from './names/name-list.controller';
import { RepositoryListStore } from './names/repository-list.store';
import { RollBackTagHandler } from './names/roll-back-tag.handler';
import { TagController } from './names/tag.controller';
import { TagStore } from './names/tag.store';
import { TagImageHandler } from './names/tag-image.handler';
import { TagListStore } from './names/tag-list.store';
import { UntagHandler } from './names/untag.handler';
import { RowsCheck } from './object/check-rows';
import { ComposingController } from './object/composing.controller';
import { ComposingStore } from './object/composing.store';
import { ObjectController } from './object/object.controller';
import { ObjectStore } from './object/object.store';
import { ObjectListStore } from './object/object-list.store';
import { PurgeStore } from './object/purge.store';
import { ScrubController } from './object/scrub.controller';
import { ScrubStore } from './object/scrub.store';
import { ImmediateWork } from './operation/immediate-work';
import { IntakeController } from './operation/intake.controller';
import { OperationController } from './operation/operation.controller';
import { OperationStore } from './operation/operation.store';
import { OperationWorkController } from './operation/operation-work.controller';
import { OperationWorkStore } from './operation/operation-work.store';
import { PullWorkStore } from './operation/pull-work.store';
import { DeadLetterController } from './outbox/dead-letter.controller';
import { OutboxRelayHandler } from './outbox/outbox-relay.handler';
import { OutboxRowsStore } from './outbox/outbox-rows.store';
import { PlanStore } from './prune/plan.store';
import { PruneController } from './prune/prune.controller';
import { PruneHandler } from './prune/prune.handler';
import { PruneWorkStore } from './prune/prune-work.store';
import { QueueStore } from './queue/queue.store';
import { BlobReviewStore } from './review/blob-review.store';
import { CollectionController } from './review/collection.controller';
import { EndedStore } from './review/ended.store';
import { ManifestReviewStore } from './review/manifest-review.store';
import { ReviewHandler } from './review/review.handler';
import { RunController } from './run/run.controller';
import { RunStore } from './run/run.store';
import { ConfiguredSchedules } from './schedule/configured-schedules';
import { FireSchedulesHandler } from './schedule/fire-schedules.handler';
import { ScheduleController } from './schedule/schedule.controller';
import { ScheduleStore } from './schedule/schedule.store';
import { RestoreHandler } from './trash/restore.handler';
import { TrashController } from './trash/trash.controller';
import { TrashStore } from './trash/trash.store';
import { FinishSessionHandler } from './upload/finish-session.handler';
import { SessionController } from './upload/session.controller';
import { SessionStore } from './upload/session.store';
import { UsageController } from './usage/usage.controller';
import { UsageStore } from './usage/usage.store';
import { BlobReasonsStore } from './why/blob-reasons.store';
import { ImageReasonsStore } from './why/image-reasons.store';
import { WhyController } from './why/why.controller';
import { WhyStore } from './why/why.store';

/** Truth: Postgres, requests taken in, facts sent out. */
const CONTROLLERS: Type[] = [
  CollectionController,
  ManifestController,
  TagController,
  BlobController,
  SessionController,
  ObjectController,
  ComposingController,
  ScrubController,
  IntakeController,
  OperationController,
  OperationWorkController,
  ImageController,
  ImageConfigController,
  ContainerController,
  PullCountController,
  PingController,
  JournalController,
  AdoptionController,
  DeadLetterController,
  WhyController,
  TrashController,
  NameListController,
  UsageController,
  PruneController,
  RunController,
  ScheduleController,
  BusUserController,
];

const PROVIDERS: Provider[] = [
  PresenceStore,
  ReviewHandler,
  ManifestReviewStore,
  BlobReviewStore,
  PurgeStore,
  EndedStore,
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
  ComposingStore,
  ScrubStore,
  ImageNameStore,
  ImageStore,
  InspectImageStore,
  ImageConfigStore,
  OperationStore,
  OperationWorkStore,
  OutboxRelayHandler,
  OutboxRowsStore,
  PullCountStore,
  PullWorkStore,
  RemovalStore,
  RemoveImageHandler,
  TagStore,
  TagImageHandler,
  UntagHandler,
  RollBackTagHandler,
  CopyImageHandler,
  ContainerStore,
  CreateContainerHandler,
  ChangeContainerHandler,
  RemoveContainerHandler,
  ReportContainersHandler,
  ImmediateWork,
  JournalStore,
  AdoptionStore,
  AdoptObjectHandler,
  WhyStore,
  PlanStore,
  PruneHandler,
  PruneWorkStore,
  RunStore,
  ScheduleStore,
  FireSchedulesHandler,
  ImageReasonsStore,
  BlobReasonsStore,
  TrashStore,
  RestoreHandler,
  TagListStore,
  RepositoryListStore,
  BlobReferencesStore,
  SharedLayersStore,
  UsageStore,
  QueueStore,
  BusUserStore,
  BusLoginHandler,
];

@Module({})
export class MetadataModule {
  /**
   * Starts when Postgres answers and its schema is this program's. `alone`: no other process works on this database,
   * so that whoever had a lease of it is dead. `works`: a service, whose settings say which schedules there are; not a
   * command, which may have other settings.
   */
  static with(config: MetadataConfig, { alone = false, works = true } = {}): DynamicModule {
    return {
      module: MetadataModule,
      controllers: CONTROLLERS,
      providers: [
        { provide: METADATA_CONFIG, useValue: config },
        { provide: Database, useFactory: () => openDatabase(config, alone) },
        {
          provide: ConfiguredSchedules,
          useFactory: (database: Database) => openSchedules(database, works ? config.ENTREPOT_SCHEDULES : null),
          inject: [Database],
        },
        ...PROVIDERS,
      ],
      exports: [Database],
    };
  }
}

async function openSchedules(database: Database, file: string | undefined | null): Promise<ConfiguredSchedules> {
  if (file === null) return new ConfiguredSchedules();
  const configured = await ConfiguredSchedules.read(file);
  await configured.apply(database);
  return configured;
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
