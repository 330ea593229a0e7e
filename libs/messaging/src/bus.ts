import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { durable } from '#config/failpoint';
import { RegistryError, unavailable } from '#oci/registry-error';
import { reconnects } from './bus-metrics';
import { type BusListener, BusSubscriptions } from './bus-subscriptions';
import { checkStreams } from './check-streams';
import { type LinkOptions, NatsLink } from './nats-link';
import { PoisonMessage } from './poison-message';
import { showBus } from './show-bus';
import { ensureStreams } from './streams';

export interface BusOptions extends LinkOptions {
  /** This process makes and repairs the streams: one service's task, whose user may do so. */
  readonly keepsStreams?: boolean;
  /** How many servers keep each stream: 1, or 3 in a cluster. */
  readonly replicas?: number;
}

/** What a health report says of the bus. */
export interface BusState {
  readonly connected: boolean;
  /** The server's version, while connected. */
  readonly server: string | null;
  /** Why there is no connection; while there is one, why what is sent to it is not kept. */
  readonly fault: string | null;
}

export type { BusListener };

const PUBLISH_WITHIN_MS = 5_000;

/**
 * The bus. It connects in the background and for ever: nothing here fails because NATS is away at start, and
 * everything works again when it comes.
 */
export class Bus implements OnModuleInit, OnApplicationShutdown {
  private readonly log = new Logger('Bus');
  readonly link: NatsLink;
  private readonly subscriptions = new BusSubscriptions();
  private ensuring: Promise<void> | null = null;
  private streamFault: string | null = null;
  private hide = () => {};

  /** Whether this process takes requests in, and so makes and repairs the streams. */
  get keepsStreams(): boolean {
    return this.options.keepsStreams ?? false;
  }

  constructor(private readonly options: BusOptions) {
    this.link = new NatsLink(options);
    this.link.onConnect((connection, isNew) => this.connected(connection, isNew));
  }

  /** Resolves after the first attempt to connect. Throws StartFault where the server that answered is too old. */
  start(): Promise<void> {
    return this.link.start();
  }

  onModuleInit(): Promise<void> {
    this.hide = showBus(this);
    return this.start();
  }

  onApplicationShutdown(): Promise<void> {
    this.hide();
    return this.drain();
  }

  /** Best effort: what cannot be sent now is not sent. For progress and for waking others, never for facts. */
  publish(subject: string, json: unknown): void {
    try {
      this.link.current()?.publish(subject, JSON.stringify(json));
    } catch (error) {
      this.log.debug(`not published to ${subject}: ${(error as Error).message}`);
    }
  }

  /** Listens until the function it answers is called, whatever becomes of the connection meanwhile. */
  subscribe(subject: string, listener: BusListener): () => void {
    return this.subscriptions.add(subject, listener, this.link.current());
  }

  /**
   * Resolves when a stream has stored it; the same `messageId` again is stored once within that stream's window.
   * Throws UNAVAILABLE: then it may or may not be stored, and is to be published again with the same id; and
   * PoisonMessage for what the server takes from nobody.
   */
  async publishDurable(subject: string, json: unknown, messageId: string): Promise<void> {
    const traced = traceHeaders(json);
    await durable('messaging.publish-message', () => this.store(subject, JSON.stringify(json), messageId, traced));
  }

  /** For the parts of this library: publishes bytes to a stream and waits for it. Throws as `publishDurable`. */
  async store(subject: string, payload: Uint8Array | string, messageId: string, own?: MsgHdrs): Promise<void> {
    const publish = () =>
      this.jetStream().publish(subject, payload, {
        msgID: messageId,
        timeout: PUBLISH_WITHIN_MS,
        ...(own && { headers: own }),
      });
    try {
      await publish();
    } catch (error) {
      if (isTooLarge(error)) throw this.tooLarge(subject, payload);
      if (!isNoStream(error)) throw notStored(error);
      await this.ensureStreams();
      await publish().catch((again: unknown) => {
        throw notStored(again);
      });
    }
  }

  /** Throws UNAVAILABLE while there is no connection. */
  jetStream(): JetStreamClient {
    return jetstream(this.connection(), { timeout: PUBLISH_WITHIN_MS });
  }

  /** Throws UNAVAILABLE while there is no connection. */
  async manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.connection(), { checkAPI: false, timeout: PUBLISH_WITHIN_MS });
  }

  /** Makes the streams that are missing, where this process keeps them. Askers share one attempt. */
  ensureStreams(): Promise<void> {
    if (!this.keepsStreams) return Promise.resolve();
    if (this.link.current() === null) return Promise.reject(unavailable('NATS', 1));
    this.ensuring ??= this.makeStreams().finally(() => {
      this.ensuring = null;
    });
    return this.ensuring;
  }

  /** What of the streams is not as it should be, each in a line. Throws UNAVAILABLE. */
  async checkStreams(): Promise<string[]> {
    const manager = await this.manager();
    return checkStreams(manager, this.options.replicas ?? 1).catch((error: unknown) => {
      throw unavailable('NATS', 1, error);
    });
  }

  state(): BusState {
    const connection = this.link.current();
    return {
      connected: connection !== null,
      server: connection?.info?.version ?? null,
      fault: connection === null ? this.link.reason() : this.streamFault,
    };
  }

  /** Sends what is pending and closes. */
  drain(): Promise<void> {
    return this.link.stop();
  }

  private tooLarge(subject: string, payload: Uint8Array | string): PoisonMessage {
    const most = this.link.current()?.info?.max_payload;
    return new PoisonMessage(
      `${Buffer.byteLength(payload)} bytes for ${subject} are more than the NATS server takes in one message (max_payload ${most})`,
    );
  }

  private connection(): NatsConnection {
    const connection = this.link.current();
    if (!connection) throw unavailable('NATS', 1);
    return connection;
  }

  private async makeStreams(): Promise<void> {
    try {
      await ensureStreams(await this.manager(), this.options.replicas ?? 1);
      this.streamFault = null;
    } catch (error) {
      const fault = `the streams could not be made: ${(error as Error).message}`;
      if (fault !== this.streamFault) this.log.error(fault);
      this.streamFault = fault;
      throw unavailable('NATS', 1, error);
    }
  }

  private connected(connection: NatsConnection, isNew: boolean): void {
    reconnects.inc();
    this.ensureStreams().catch(() => undefined);
    this.subscriptions.open(connection, isNew);
  }
}

/** Who reads an event's trace in the headers alone finds it there too. */
function traceHeaders(json: unknown): MsgHdrs | undefined {
  const { traceparent } = (json ?? {}) as { traceparent?: unknown };
  if (typeof traceparent !== 'string') return undefined;
  const own = headers();
  own.set('traceparent', traceparent);
  return own;
}

/**
 * A stream that could not be written to answers nobody until its server is started again, whatever room there is by then;
 * to everything else that server answers as ever.
 */
function notStored(error: unknown): RegistryError {
  if (!(error instanceof Error) || error.name !== 'TimeoutError') return unavailable('NATS', 1, error);
  const remedy = 'if its disk was full, give it room and start nats-server again';
  return new RegistryError('UNAVAILABLE', `NATS does not say whether it keeps what is published: ${remedy}`, {
    retryAfterSeconds: 1,
    cause: error,
  });
}

/** The library's word for "no stream has this subject", which is what a wiped store looks like. */
function isNoStream(error: unknown): boolean {
  return error instanceof Error && error.name === 'JetStreamNotEnabled';
}

/** The library's word for more bytes than the server's `max_payload`: it does not even send them. */
function isTooLarge(error: unknown): boolean {
  return error instanceof Error && error.name === 'InvalidArgumentError' && error.message.includes('max_payload');
}
