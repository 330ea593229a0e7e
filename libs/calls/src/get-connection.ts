import { connect, type Socket } from 'node:net';
import { type AnswerHead, parseAnswerHead } from './answer-head';
import type { ByteSource } from './byte-source';

/** A longer head is refused. */
const HEAD_BYTES = 16 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Waiting {
  /** Gives up and ends the connection. */
  readonly signal?: AbortSignal;
  /** For how long, in milliseconds, nothing may come while somebody waits for it; absent: for ever. */
  readonly silenceMs?: number;
}

/** An answer whose body has a known length: exactly so many bytes come out of it, or an error. */
export interface GetAnswer extends ByteSource {
  readonly head: AnswerHead;
}

/** Where bytes of bodies arrive. A connection has one while it has a body to read. */
export interface Landings {
  take(): Buffer;
  giveBack(landing: Buffer): void;
}

interface Asker {
  readonly resolve: (head: AnswerHead) => void;
  readonly reject: (error: Error) => void;
}

interface Taker {
  readonly spare: Buffer | undefined;
  readonly resolve: (chunk: Buffer) => void;
  readonly reject: (error: Error) => void;
}

/** No answer that is read here, but none that is wrong: another client may ask again and understand it. */
export class OtherFraming extends Error {
  override readonly name = 'OtherFraming';
}

/**
 * A connection that asks by GET and reads what is answered into one buffer, again and again: through streams of Node the
 * same bytes cost more than twice as much. One request at a time; the socket is read only as fast as bytes are taken.
 */
export class GetConnection {
  private readonly socket: Socket;
  private readonly front = Buffer.allocUnsafeSlow(HEAD_BYTES);
  private frontLength = 0;
  /** Where the system reads to next. It changes while bytes arrive and at no other time: only then the socket asks. */
  private target: Buffer = this.front;
  private landing: Buffer | null = null;
  private asker: Asker | null = null;
  private taker: Taker | null = null;
  /** Bytes that nobody has taken yet. */
  private pending: Buffer = this.front.subarray(0, 0);
  /** How many bytes of the body the socket has still to bring. */
  private left = 0;
  private stays = true;
  private paused = false;
  private fault: Error | null = null;
  private forget: () => void = () => {};
  private timer: NodeJS.Timeout | undefined;
  private silenceMs: number | undefined;
  private answered = false;
  /** The other side ended it before it answered anything: it may not have seen the request. */
  wentUnasked = false;

  constructor(
    readonly address: Address,
    private readonly landings: Landings,
    /** Told once for each answer that was read to its end, if another request may follow. */
    private readonly freed: (connection: GetConnection) => void,
    ended: (connection: GetConnection) => void,
  ) {
    const callback = (count: number) => this.arrive(count);
    this.socket = connect({ ...address, noDelay: true, onread: { buffer: () => this.target, callback } });
    this.socket.on('timeout', () => this.destroy());
    this.socket.on('error', (error) => this.hungUp(error));
    this.socket.once('close', () => {
      this.hungUp(new Error('the connection ended before the answer did'));
      ended(this);
    });
  }

  get isOver(): boolean {
    return this.fault !== null || this.socket.destroyed;
  }

  /** Sends a request's head, its empty line included. */
  async ask(head: string, { signal, silenceMs }: Waiting): Promise<GetAnswer> {
    this.answered = false;
    this.silenceMs = silenceMs;
    this.socket.ref();
    this.socket.setTimeout(0);
    if (signal) this.hangUpOn(signal);
    const answer = new Promise<AnswerHead>((resolve, reject) => {
      if (this.fault) return reject(this.fault);
      this.asker = { resolve, reject };
      this.wait();
      this.socket.write(head, 'latin1');
    });
    return this.answerOf(await answer);
  }

  /** Once its last byte was taken it has nothing to do with this connection any more: that may serve another. */
  private answerOf(head: AnswerHead): GetAnswer {
    let left = head.length ?? 0;
    const next = async (spare?: Buffer) => {
      if (left === 0) return null;
      const chunk = await this.next(spare);
      left -= chunk.length;
      return chunk;
    };
    const close = async () => {
      if (left > 0) this.discard();
    };
    return { head, next, close };
  }

  /** Kept for the next request, for so long and without keeping the process. */
  rest(idleMs: number): void {
    this.socket.unref();
    this.socket.setTimeout(idleMs);
  }

  destroy(error: Error = new Error('the connection was closed')): void {
    this.fail(error);
  }

  private hungUp(error: Error): void {
    if (this.fault) return;
    this.wentUnasked = !this.answered;
    this.fail(error);
  }

  private hangUpOn(signal: AbortSignal): void {
    const hangUp = () => this.fail(signal.reason);
    this.forget = () => signal.removeEventListener('abort', hangUp);
    signal.addEventListener('abort', hangUp, { once: true });
    if (signal.aborted) hangUp();
  }

  private async next(spare?: Buffer): Promise<Buffer> {
    if (this.pending.length > 0) return this.take(spare);
    if (this.fault) throw this.fault;
    return new Promise((resolve, reject) => {
      this.taker = { spare, resolve, reject };
      this.wait();
      this.goOn();
    });
  }

  /** What the socket has brought; answers whether it may bring more. */
  private arrive(count: number): boolean {
    this.answered = true;
    try {
      if (this.asker) this.arriveHead(count);
      else if (this.left > 0) this.arriveBody(this.target.subarray(0, count));
      else throw new Error('bytes came that nobody had asked for');
    } catch (error) {
      this.fail(error as Error);
    }
    this.paused = this.fault !== null || this.pending.length > 0;
    return !this.paused;
  }

  private arriveHead(count: number): void {
    const before = this.frontLength;
    this.frontLength += count;
    const end = this.front.subarray(0, this.frontLength).indexOf(HEAD_END, Math.max(0, before - HEAD_END.length));
    if (end >= 0) return void this.begin(end);
    if (this.frontLength === HEAD_BYTES) throw new Error('the head of the answer is too long');
    this.target = this.front.subarray(this.frontLength);
  }

  private begin(end: number): void {
    const head = parseAnswerHead(this.front.toString('latin1', 0, end));
    const { length } = head;
    if (length === null) throw new OtherFraming('the answer does not say how long it is');
    // The next answer begins in the same buffer: not before this one was taken to its end.
    const first = this.front.subarray(end + HEAD_END.length, this.frontLength);
    this.frontLength = 0;
    this.target = this.front;
    this.stays = head.stays;
    this.left = length;
    this.quiet();
    const { resolve } = this.asker!;
    this.asker = null;
    if (first.length < length) {
      this.landing = this.landings.take();
      this.target = this.landing;
    }
    if (first.length > 0) this.arriveBody(first);
    else if (length === 0) this.end();
    resolve(head);
  }

  private arriveBody(bytes: Buffer): void {
    // Whatever comes behind the body is no answer to anything that was asked: nothing more is asked here.
    if (bytes.length > this.left) this.stays = false;
    this.pending = bytes.subarray(0, this.left);
    this.left -= this.pending.length;
    if (this.left === 0) this.target = this.front;
    const { taker } = this;
    if (!taker) return;
    this.taker = null;
    this.quiet();
    taker.resolve(this.take(taker.spare));
  }

  private take(spare?: Buffer): Buffer {
    const length = Math.min(spare?.length ?? this.pending.length, this.pending.length);
    const into = spare ?? Buffer.allocUnsafeSlow(length);
    this.pending.copy(into, 0, 0, length);
    this.pending = this.pending.subarray(length);
    if (this.pending.length === 0) {
      if (this.left === 0) this.end();
      else this.goOn();
    }
    return into.subarray(0, length);
  }

  private goOn(): void {
    if (!this.paused || this.pending.length > 0) return;
    this.paused = false;
    this.socket.resume();
  }

  /** The answer was taken to its end. */
  private end(): void {
    this.release();
    if (this.fault) return;
    if (!this.stays) return void this.destroy();
    this.goOn();
    this.freed(this);
  }

  private release(): void {
    this.quiet();
    this.forget();
    this.forget = () => {};
    if (this.landing) this.landings.giveBack(this.landing);
    this.landing = null;
  }

  private discard(): void {
    this.fail(new Error('the reader hung up'));
    this.pending = this.pending.subarray(0, 0);
    this.release();
  }

  /** A body that has come whole is still to be had; of any other nothing more, and who waits for it is told. */
  private fail(error: Error): void {
    if (this.fault) return;
    this.fault = error;
    this.socket.destroy();
    this.quiet();
    this.forget();
    if (this.left > 0) this.discard();
    this.asker?.reject(error);
    this.taker?.reject(error);
    this.asker = null;
    this.taker = null;
  }

  private wait(): void {
    if (this.silenceMs === undefined) return;
    const silence = () => this.fail(new Error(`nothing came for ${this.silenceMs} ms`));
    this.timer = setTimeout(silence, this.silenceMs);
  }

  private quiet(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
