import type { JsMsg } from '@nats-io/jetstream';
import { BaseRpcContext } from '@nestjs/microservices';

/** The id of a message whose `Nats-Msg-Id` is taken by something else, as when a dead letter is sent again. */
export const REQUEST_ID_HEADER = 'Entrepot-Request-Id';
const MESSAGE_ID_HEADER = 'Nats-Msg-Id';

/** What comes with a message's bytes: a handler takes it with `@Ctx()`. */
export class Delivery extends BaseRpcContext<[JsMsg]> {
  get subject(): string {
    return this.message.subject;
  }

  get stream(): string {
    return this.message.info.stream;
  }

  /** Its number in the stream; starts again at 1 in a stream that was made anew. */
  get sequence(): number {
    return this.message.seq;
  }

  /** 1 at first; counts what other processes tried. */
  get deliveries(): number {
    return this.message.info.deliveryCount;
  }

  /** Names this message among all there ever were, and at each delivery the same: its stream may have begun anew. */
  get key(): string {
    return `${this.stream}-${this.sequence}-${this.message.timestampNanos}`;
  }

  /** The id it was published under, if any. What is sent again carries it in a header of ours, percent-encoded. */
  get messageId(): string | undefined {
    const replayed = this.header(REQUEST_ID_HEADER);
    return replayed === undefined ? this.header(MESSAGE_ID_HEADER) : decode(replayed);
  }

  /** Undefined where there is no such header, or an empty one. */
  header(name: string): string | undefined {
    return this.message.headers?.get(name) || undefined;
  }

  /** Every header as it came. */
  headers(): Record<string, string[]> {
    return Object.fromEntries(this.message.headers ?? []);
  }

  private get message(): JsMsg {
    return this.getArgByIndex(0);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
