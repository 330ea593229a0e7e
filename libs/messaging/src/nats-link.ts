import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';
import { StartFault } from '#config/start-fault';
import { explainNatsFault } from './explain-nats-fault';
import type { NatsSettings } from './nats.config';
import { parseNatsUrl } from './nats-address';
import { type NatsLogin, natsLogin } from './nats-login';
import { Pause } from './pause';
import { refuseOldServer } from './server-version';

export interface LinkOptions {
  /** `nats://user:password@host:port`, or several; see parseNatsUrl. */
  readonly url: string;
  /** How to log in where the address does not say. */
  readonly login?: NatsSettings;
  /** How the server's own reports name this client. */
  readonly name: string;
}

type ConnectListener = (connection: NatsConnection, isNew: boolean) => void;

const CONNECT_WITHIN_MS = 3_000;
const RETRY_MS = 500;
const PING_MS = 10_000;
const DRAIN_WITHIN_MS = 3_000;

/**
 * One connection, kept for ever: a server that is away, refuses us or is too old is asked again until it serves.
 * Nothing is sent while there is none: the client would keep it all in memory until then.
 */
export class NatsLink {
  private readonly log = new Logger('NATS');
  private readonly listeners = new Set<ConnectListener>();
  private readonly pause = new Pause();
  private connection: NatsConnection | null = null;
  private isUp = false;
  private fault: string | null = 'not started';
  private kept: Promise<void> | null = null;
  private login: NatsLogin | null = null;

  constructor(private readonly options: LinkOptions) {}

  /**
   * Resolves after the first attempt, whether or not a server answered. Throws StartFault when one did that is too old,
   * and where the settings name a file that is not what it should be.
   */
  async start(): Promise<void> {
    if (this.kept) return;
    this.login = natsLogin({ ...this.options.login, NATS_URL: this.options.url });
    await new Promise<void>((resolve, reject) => {
      this.kept = this.keep({ resolve, reject });
    });
  }

  /** The connection while it works, else null. */
  current(): NatsConnection | null {
    return this.isUp ? this.connection : null;
  }

  /** Why there is no connection; null while there is one. */
  reason(): string | null {
    return this.fault;
  }

  /** Called at every connect and reconnect (`isNew` false), and at once where there is a connection already. */
  onConnect(listener: ConnectListener): () => void {
    this.listeners.add(listener);
    if (this.isUp && this.connection) listener(this.connection, true);
    return () => this.listeners.delete(listener);
  }

  /** Ends subscriptions, sends what is pending, closes; a server that no longer answers is not waited for. */
  async stop(): Promise<void> {
    this.pause.end();
    if (this.connection && this.isUp) await sendPending(this.connection);
    await this.connection?.close();
    await this.kept;
  }

  private async keep(first: { resolve: () => void; reject: (fault: StartFault) => void }): Promise<void> {
    while (!this.pause.ended) {
      try {
        const connection = await this.open();
        first.resolve();
        const error = await connection.closed();
        this.down(error ? this.explain(error) : 'closed');
      } catch (error) {
        this.down(error instanceof StartFault ? error.message : this.explain(error));
        if (error instanceof StartFault) first.reject(error);
      }
      first.resolve();
      await this.pause.for(RETRY_MS);
    }
    this.connection = null;
  }

  private async open(): Promise<NatsConnection> {
    const connection = await connect({
      servers: parseNatsUrl(this.options.url).servers,
      ...this.login?.options,
      name: this.options.name,
      timeout: CONNECT_WITHIN_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RETRY_MS,
      ignoreAuthErrorAbort: true,
      pingInterval: PING_MS,
      maxPingOut: 2,
    });
    try {
      this.refuseOld(connection);
    } catch (error) {
      await connection.close();
      throw error;
    }
    this.connection = connection;
    if (this.pause.ended) await connection.close();
    else this.watch(connection);
    return connection;
  }

  private refuseOld(connection: NatsConnection): void {
    refuseOldServer(connection.info?.version ?? '', parseNatsUrl(this.options.url).servers.join(', '));
  }

  private watch(connection: NatsConnection): void {
    void this.follow(connection);
    this.up(connection, true);
  }

  private async follow(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') this.down('the connection was lost');
      if (status.type === 'error' && !this.isUp) this.down(this.explain(status.error));
      if (status.type === 'reconnect') await this.reconnected(connection);
    }
  }

  /** Behind the same address there may be another server now. */
  private async reconnected(connection: NatsConnection): Promise<void> {
    try {
      this.refuseOld(connection);
      this.up(connection, false);
    } catch (error) {
      this.down((error as Error).message);
      await connection.close();
    }
  }

  private up(connection: NatsConnection, isNew: boolean): void {
    this.isUp = true;
    this.fault = null;
    this.log.log(`connected to nats-server ${connection.info?.version} at ${connection.getServer()}`);
    for (const listener of this.listeners) listener(connection, isNew);
  }

  private explain(error: unknown): string {
    return explainNatsFault(error, this.login?.settings ?? null);
  }

  private down(fault: string): void {
    this.isUp = false;
    if (this.pause.ended) return;
    if (fault !== this.fault) this.log.warn(`away: ${fault}`);
    this.fault = fault;
  }
}

async function sendPending(connection: NatsConnection): Promise<void> {
  const drained = connection.drain().catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_WITHIN_MS);
  });
  await Promise.race([drained, late]);
  clearTimeout(timer);
}
