import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';

/** `json` is what the message holds; undefined where that is no JSON. */
export type BusListener = (json: unknown, subject: string) => void | Promise<void>;

interface Listening {
  readonly subject: string;
  readonly listener: BusListener;
  subscription: Subscription | null;
}

/** Who listens to what, kept over connections. */
export class BusSubscriptions {
  private readonly log = new Logger('Bus');
  private readonly listening = new Set<Listening>();

  /** Answers how to stop listening. */
  add(subject: string, listener: BusListener, connection: NatsConnection | null): () => void {
    const listening: Listening = { subject, listener, subscription: null };
    this.listening.add(listening);
    if (connection) this.subscribe(listening, connection);
    return () => {
      this.listening.delete(listening);
      listening.subscription?.unsubscribe();
    };
  }

  /** After a reconnect (`isNew` false) the client has subscribed again by itself, but not to what was refused, nor to what is new. */
  open(connection: NatsConnection, isNew: boolean): void {
    for (const listening of this.listening) {
      if (isNew || (listening.subscription?.isClosed() ?? true)) this.subscribe(listening, connection);
    }
  }

  private subscribe(listening: Listening, connection: NatsConnection): void {
    listening.subscription = connection.subscribe(listening.subject, {
      callback: (error, message) => {
        if (error) this.log.warn(`cannot listen to ${listening.subject}: ${error.message}`);
        else void this.hear(listening, message.subject, message.data);
      },
    });
  }

  private async hear(listening: Listening, subject: string, data: Uint8Array): Promise<void> {
    try {
      await listening.listener(readJson(data), subject);
    } catch (error) {
      this.log.error(`a listener to ${listening.subject} failed: ${(error as Error).message}`);
    }
  }
}

function readJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString('utf8'));
  } catch {
    return undefined;
  }
}
