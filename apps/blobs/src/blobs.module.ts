import { type DynamicModule, Injectable, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CallRegistry } from '#calls/call-registry';
import { ReadBuffers } from '#calls/read-buffers';
import { readWhenLooked } from '#telemetry/metrics';
import { AdoptHandler } from './adopt/adopt.handler';
import { AdoptObjects } from './adopt/adopt-objects';
import { BLOBS_CONFIG, type BlobsConfig } from './blobs.config';
import { BlobsController } from './blobs.controller';
import { freeBytes, uploadMemory } from './blobs-metrics';
import { ComposingHandler } from './compose/composing.handler';
import { ReadConfigsHandler } from './config/read-configs.handler';
import { BlobDriver } from './driver/blob-driver';
import { FolderDriver } from './driver/folder.driver';
import { MinioDriver } from './driver/minio.driver';
import { watchDriver } from './driver/watch-driver';
import { JournalHandler } from './journal/journal.handler';
import { RightStore } from './journal/right-store';
import { StraysHandler } from './journal/strays.handler';
import { LocalBytePlane } from './local-byte-plane';
import { FollowedObjects } from './read/followed-objects';
import { HashObjectHandler } from './read/hash-object.handler';
import { HotBlobs } from './read/hot-blobs';
import { LinkGrace } from './read/link-grace';
import { ObjectReader } from './read/object-reader';
import { OwnTails } from './read/own-tails';
import { ReadLeases } from './read/read-leases';
import { RemoteTails } from './read/remote-tails';
import { SettledObjects } from './read/settled-objects';
import { ScrubHandler } from './scrub/scrub.handler';
import { FinishUploadHandler } from './upload/finish-upload.handler';
import { MemoryBudget } from './upload/memory-budget';
import { UploadSessions } from './upload/upload-sessions';

/** Opens the store before anything is served, and closes it when all who use it have ended. */
@Injectable()
class StoreLife implements OnModuleInit, OnApplicationShutdown {
  private hide = () => {};

  constructor(
    private readonly driver: BlobDriver,
    private readonly plane: LocalBytePlane,
    private readonly tails: OwnTails,
    private readonly budget: MemoryBudget,
    private readonly registry: CallRegistry,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.driver.open();
    this.registry.serveBytes(this.plane);
    this.registry.serveTails(this.tails);
    this.hide = readWhenLooked('store', [freeBytes, uploadMemory], () => this.show());
  }

  private async show(): Promise<void> {
    uploadMemory.set(this.budget.held);
    const { freeBytes: free } = await this.driver.check();
    if (free !== null) freeBytes.set(free);
  }

  onApplicationShutdown(): Promise<void> {
    this.hide();
    return this.driver.close();
  }
}

/** Bytes: upload sessions, reading, purging, scrubbing. Needs `Calls` and the capability secret from a global module. */
@Module({})
export class BlobsModule {
  static with(config: BlobsConfig): DynamicModule {
    return {
      module: BlobsModule,
      controllers: [BlobsController],
      providers: [
        { provide: BLOBS_CONFIG, useValue: config },
        { provide: BlobDriver, useFactory: () => watchDriver(chooseDriver(config), config.ENTREPOT_STORE) },
        { provide: ReadBuffers, useFactory: () => new ReadBuffers(config.ENTREPOT_READ_MEMORY_BYTES) },
        { provide: MemoryBudget, useFactory: () => new MemoryBudget(config.ENTREPOT_WRITE_MEMORY_BYTES) },
        StoreLife,
        RemoteTails,
        FollowedObjects,
        OwnTails,
        RightStore,
        SettledObjects,
        HotBlobs,
        ReadLeases,
        LinkGrace,
        ObjectReader,
        UploadSessions,
        FinishUploadHandler,
        HashObjectHandler,
        ComposingHandler,
        ReadConfigsHandler,
        LocalBytePlane,
        JournalHandler,
        StraysHandler,
        AdoptObjects,
        AdoptHandler,
        ScrubHandler,
      ],
      exports: [LocalBytePlane],
    };
  }
}

function chooseDriver(config: BlobsConfig): BlobDriver {
  if (config.ENTREPOT_STORE === 'folder')
    return new FolderDriver(config.ENTREPOT_STORE_FOLDER, config.ENTREPOT_STORE_RESERVE_BYTES);
  const endpoint = config.ENTREPOT_S3_PUBLIC_ENDPOINT;
  const settings = {
    endpoint: config.ENTREPOT_S3_ENDPOINT,
    bucket: config.ENTREPOT_S3_BUCKET,
    region: config.ENTREPOT_S3_REGION,
    accessKey: config.ENTREPOT_S3_ACCESS_KEY,
    secretKey: config.ENTREPOT_S3_SECRET_KEY,
    timeoutMs: config.ENTREPOT_S3_TIMEOUT_MS,
  };
  return new MinioDriver(settings, endpoint ? { endpoint, linkMs: config.ENTREPOT_S3_LINK_MS } : null);
}
