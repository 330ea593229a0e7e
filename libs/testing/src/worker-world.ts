import { type DynamicModule, Global, type INestApplicationContext, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { BytePlane } from '#calls/byte-plane';
import { Calls } from '#calls/calls';
import { CAPABILITY_SECRET } from '#calls/capability-secret';
import { Bus } from '#messaging/bus';
import type { BookTimes } from './book-work';
import { MemoryBus } from './memory-bus';
import { MemoryBytePlane } from './memory-byte-plane';
import { MetadataBook } from './metadata-book';

/** What a worker finds around it: metadata, bytes and a bus, all in memory, shared by as many processes as are started. */
export class WorkerWorld {
  readonly secret = Buffer.alloc(32, 7);
  readonly bus = new MemoryBus();
  readonly book: MetadataBook;
  readonly bytes: MemoryBytePlane;
  /** All that was logged, line by line. */
  readonly logged: string[] = [];
  private readonly started = new Set<INestApplicationContext>();

  constructor(times?: BookTimes) {
    this.book = new MetadataBook(times);
    this.book.onFact = (subject, digest) => this.bus.publish(subject, { data: { digest } });
    this.bytes = new MemoryBytePlane(this.book, this.secret);
  }

  async start(module: DynamicModule): Promise<INestApplicationContext> {
    const testing = await Test.createTestingModule({ imports: [this.around(), module] }).compile();
    const keep = (...parts: unknown[]) => this.logged.push(parts.map(String).join(' '));
    testing.useLogger({ log: keep, warn: keep, error: keep, debug: keep, verbose: keep, fatal: keep });
    await testing.init();
    this.started.add(testing);
    return testing;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.started].map((context) => context.close()));
    this.started.clear();
  }

  private around(): DynamicModule {
    const providers = [
      { provide: Calls, useValue: this.book },
      { provide: BytePlane, useValue: this.bytes },
      { provide: Bus, useValue: this.bus },
      { provide: CAPABILITY_SECRET, useValue: this.secret },
    ];
    return { module: Around, providers, exports: providers };
  }
}

@Global()
@Module({})
class Around {}
