import type { INestMicroservice } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { OperationAccepted, TagMoved } from '#contracts/facts';
import { Bus, type BusOptions } from '#messaging/bus';
import { BusModule } from '#messaging/bus.module';
import { JetStreamStrategy } from '#messaging/jetstream.strategy';
import { digestOf } from '#oci/digest';
import { Database } from '../database/database';
import { MetadataConfigSchema } from '../metadata.config';
import { MetadataModule } from '../metadata.module';
import { recordFact } from '../outbox/outbox.store';

const SUM = digestOf(Buffer.from('x'));
const IMAGES = 4;

/** A fact as its stream keeps it. */
interface Fact {
  readonly id: string;
  readonly subject: string;
  readonly revision: string;
  readonly data: { readonly tag: string; readonly operation: string };
}

/** Metadata as it runs, on a bus that is going to be lost. */
export class BusyReplica {
  private constructor(
    private readonly app: INestMicroservice,
    readonly bus: Bus,
  ) {}

  static async start(databaseUrl: string, options: Pick<BusOptions, 'url' | 'replicas'>): Promise<BusyReplica> {
    const bus = new Bus({ ...options, name: 'metadata', keepsStreams: true });
    const config = MetadataConfigSchema.parse({ DATABASE_URL: databaseUrl });
    const module = await Test.createTestingModule({
      imports: [BusModule.of(bus), MetadataModule.with(config)],
    }).compile();
    const patience = { deliveries: 8, firstDelayMs: 50, longestDelayMs: 500 };
    const app = module.createNestMicroservice({
      strategy: new JetStreamStrategy({ bus, service: 'metadata', ackWaitMs: 3_000, patience }),
    });
    await app.listen();
    return new BusyReplica(app, bus);
  }

  get database(): Database {
    return this.app.get(Database);
  }

  /** Commits the nth fact about each of some images. */
  async tell(n: number): Promise<void> {
    for (let image = 0; image < IMAGES; image++) {
      const fact = { repository: 'team/app', tag: String(n), from: null, to: SUM };
      await this.database.transaction('metadata.test', (sql) => recordFact(sql, TagMoved, `team/app:${image}`, fact));
    }
  }

  /** How often each request id was taken in. */
  async taken(): Promise<Map<string, number>> {
    const rows = await this.database.read<{ request_id: string; times: number }>(
      'SELECT request_id, count(*) AS times FROM operation GROUP BY request_id',
    );
    return new Map(rows.map(({ request_id, times }) => [request_id, times]));
  }

  /** Whether nothing waits: neither requests nor facts. */
  async isQuiet(): Promise<boolean> {
    const [row] = await this.database.read<{ left: number }>('SELECT count(*) AS left FROM outbox');
    if (row!.left > 0) return false;
    const manager = await this.bus.manager();
    return (await manager.streams.info('ENTREPOT_REQUESTS')).state.messages === 0;
  }

  /** The numbers of the facts about each image, in the order of their stream; throws where one is there twice. */
  async told(): Promise<number[][]> {
    const facts = await this.facts(TagMoved.subject);
    return Array.from({ length: IMAGES }, (_, image) =>
      facts.filter(({ subject }) => subject === `team/app:${image}`).map(({ data }) => Number(data.tag)),
    );
  }

  /** The operations that were said to be accepted; throws where one is there twice. */
  async accepted(): Promise<string[]> {
    return (await this.facts(OperationAccepted.subject)).map(({ data }) => data.operation);
  }

  private async facts(subject: string): Promise<Fact[]> {
    const manager = await this.bus.manager();
    const { state } = await manager.streams.info('ENTREPOT_FACTS');
    const facts: Fact[] = [];
    for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage('ENTREPOT_FACTS', { seq });
      if (message?.subject === subject) facts.push(message.json<Fact>());
    }
    if (new Set(facts.map(({ id }) => id)).size !== facts.length) throw new Error('a fact is there twice');
    return facts;
  }

  async stop(): Promise<void> {
    await this.app.close();
  }
}

/** Asks and commits facts without pause, as a busy installation does; what was acknowledged is noted. */
export class Load {
  readonly acknowledged = new Set<string>();
  told = 0;
  private isOver = false;
  private readonly running: Promise<void>[];

  constructor(
    private readonly replica: BusyReplica,
    private readonly name: string,
  ) {
    this.running = [this.ask(0), this.ask(1), this.tell()];
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.running);
  }

  /** Each request again and again under its id, until the bus has it: as a careful publisher does. */
  private async ask(of: number): Promise<void> {
    for (let n = 0; !this.isOver; n++) {
      const id = `${this.name}-${of}-${n}`;
      const body = JSON.stringify({ reference: 'alpine:3' });
      const send = () => this.replica.bus.store('entrepot.request.pull', body, id);
      while (!this.isOver && !(await send().then(...OUTCOME))) await pause(100);
      if (!this.isOver) this.acknowledged.add(id);
      await pause(5);
    }
  }

  private async tell(): Promise<void> {
    while (!this.isOver) {
      await this.replica.tell(this.told);
      this.told += 1;
      await pause(20);
    }
  }
}

const OUTCOME = [() => true, () => false] as const;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
