import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Client } from 'pg';
import { inSpan } from '#telemetry/tracing';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { LIMITS, NUMBERS } from './database';
import { databaseFault, isAway } from './database-fault';

/** A hot answer takes a fraction of a millisecond; one that takes this long means that the connection is lost. */
const LONGEST_MS = 5000;
/** Both together are less than whoever asks waits: it is told that Postgres is away, not that nobody knows. */
const CONNECT_WITHIN_MS = 3000;

/** Each statement is planned once, by its indexes: a plan for few rows must never become a scan of many. */
const PLANS = [
  'plan_cache_mode=force_generic_plan',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'enable_seqscan=off',
];

/**
 * The connection of the hot questions, beside the pool: statements are named, and sent without waiting for the
 * answers to those before them. Reconnects by itself.
 */
@Injectable()
export class HotClient implements OnApplicationShutdown {
  private connecting: Promise<Client> | null = null;

  constructor(@Inject(METADATA_CONFIG) private readonly config: MetadataConfig) {}

  /** Rows as arrays. Throws UNAVAILABLE where Postgres is away. */
  query<Row extends unknown[]>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    const options = { role: 'client', attributes: { 'db.system.name': 'postgresql' } } as const;
    return inSpan('postgres hot question', options, () => this.twice<Row>(name, text, values));
  }

  private async twice<Row extends unknown[]>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    try {
      return await this.once<Row>(name, text, values);
    } catch (error) {
      if (!isAway(error)) throw databaseFault(error);
      return await this.once<Row>(name, text, values).catch((again: unknown) => {
        throw databaseFault(again);
      });
    }
  }

  async onApplicationShutdown(): Promise<void> {
    const client = await this.connecting?.catch(() => null);
    this.connecting = null;
    await client?.end();
  }

  private async once<Row extends unknown[]>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    this.connecting ??= this.connect();
    const { connecting } = this;
    try {
      const client = await connecting;
      const { rows } = await client.query<Row>({ name, text, values, rowMode: 'array' });
      return rows;
    } catch (error) {
      if (isAway(error)) this.forget(connecting);
      throw error;
    }
  }

  /** Of those whose connection was lost the first one opens the next. */
  private forget(lost: Promise<Client>): void {
    if (this.connecting === lost) this.connecting = null;
  }

  private async connect(): Promise<Client> {
    const client = new Client({
      connectionString: this.config.DATABASE_URL,
      application_name: 'entrepot hot questions',
      pipeline: true,
      types: NUMBERS,
      ...LIMITS,
      query_timeout: LONGEST_MS,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      options: PLANS.map((setting) => `-c ${setting}`).join(' '),
    });
    // Lost between two questions: the next one finds out, and asks again on a new connection.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }
}
