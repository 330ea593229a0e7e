import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { FACT_SUBJECTS } from '#contracts/facts';
import { Bus } from '#messaging/bus';
import { type FactBounds, FactLog, type LoggedFact } from '#messaging/fact-log';
import { RegistryError } from '#oci/registry-error';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { EventStream } from './event-stream';
import { type FactCursor, FactTail } from './fact-tail';
import { placeInStream } from './place-in-stream';

/** Facts of one read, at most. */
const READ_AT_ONCE = 256;

/** After a word from the bus facts are there soon: each look that finds none waits twice as long as the one before. */
const FIRST_WAIT_MS = 20;

/** A listener whom nothing is told is told where it is, so that it comes back there, every so many milliseconds. */
const MARK_MS = 10_000;

const COME_BACK_SECONDS = 10;
const RESTART_SECONDS = 1;

/** Where a listener begins: now, with the oldest that is kept, or after what it heard last. */
export type FactStart = 'now' | 'first' | FactCursor;

/**
 * What happened, by server-sent events, from the stream of facts. One reader of a process follows the stream's end for
 * all who listen; whoever begins in the past reads that for himself, as fast as he takes it, until he is there.
 */
@Injectable()
export class FactFeed implements OnModuleInit, OnModuleDestroy {
  private readonly log = new Logger('Gateway');
  private readonly facts: FactLog;
  private tail = new FactTail();
  private readonly streams = new Set<EventStream>();
  private readonly waiting = new Set<() => void>();
  private readonly unsubscribe: (() => void)[] = [];
  private isFollowing = false;
  private wake: () => void = () => {};
  private isWoken = false;
  /** There may be another stream now, or an older copy of the same. */
  private isDoubtful = false;
  /** How often an older copy was put in the stream's place. */
  private copies = 0;
  private isEnding = false;

  constructor(
    private readonly bus: Bus,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {
    this.facts = new FactLog(bus);
  }

  onModuleInit(): void {
    this.unsubscribe.push(
      this.bus.subscribe(FACT_SUBJECTS, () => {
        this.isWoken = true;
        this.wake();
      }),
      this.bus.link.onConnect(() => {
        this.isDoubtful = true;
        this.isWoken = true;
        this.wake();
      }),
    );
  }

  /** The server closes after this, and waits for what is under way: no stream may be, or begin. */
  onModuleDestroy(): void {
    this.isEnding = true;
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    for (const stream of this.streams) stream.end('this gateway ends: connect again');
    this.wake();
  }

  /** Sends the facts that are wanted until the client hangs up. UNAVAILABLE without NATS, and where too many listen. */
  async listen(start: FactStart, isWanted: (fact: LoggedFact) => boolean, reply: FastifyReply): Promise<void> {
    this.refuseTooMany();
    const bounds = await this.facts.bounds();
    this.refuseTooMany();
    const stream = new EventStream(reply);
    this.streams.add(stream);
    if (!this.isFollowing) this.tail = new FactTail();
    this.tail.begin(bounds);
    if (!this.isFollowing) void this.follow();
    void this.tell(stream, begin(start, bounds), isWanted).finally(() => {
      this.streams.delete(stream);
      stream.end();
      this.wake();
    });
  }

  private refuseTooMany(): void {
    if (this.isEnding)
      throw new RegistryError('UNAVAILABLE', 'this gateway ends', { retryAfterSeconds: RESTART_SECONDS });
    const most = this.config.ENTREPOT_EVENT_STREAMS;
    if (this.streams.size < most) return;
    const message = `${most} listen already, as many as may at once: come back later`;
    throw new RegistryError('UNAVAILABLE', message, { retryAfterSeconds: COME_BACK_SECONDS });
  }

  private async tell(stream: EventStream, from: FactCursor, isWanted: (fact: LoggedFact) => boolean): Promise<void> {
    let copies = this.copies;
    let cursor = await this.restart(stream, from);
    let markedAt = Number.NEGATIVE_INFINITY;
    while (!stream.signal.aborted) {
      const facts = copies === this.copies ? await this.next(cursor) : 'again';
      if (facts === 'again') {
        copies = this.copies;
        cursor = await this.restart(stream, cursor);
        continue;
      }
      for (const fact of facts) {
        if (fact.sequence !== cursor.after + 1) sayMissed(stream, cursor, fact.sequence);
        cursor = { stream: cursor.stream, after: fact.sequence, at: fact.at };
        if (!isWanted(fact)) continue;
        stream.sendLine('fact', idOf(cursor), fact.text);
        markedAt = performance.now();
        await stream.taken(this.config.ENTREPOT_READ_STALL_MS);
        if (stream.signal.aborted) return;
      }
      if (performance.now() - markedAt > MARK_MS) {
        stream.mark(idOf(cursor));
        markedAt = performance.now();
      }
      if (facts.length === 0) await this.pause(stream.signal);
    }
  }

  /** What comes after a listener's place: from memory, or else from the stream; `again` where the stream is another. */
  private async next(cursor: FactCursor): Promise<readonly LoggedFact[] | 'again'> {
    const held = this.tail.after(cursor);
    if (held !== null) return held;
    if (this.tail.end?.stream !== cursor.stream) return 'again';
    try {
      return await this.facts.read(cursor.after, READ_AT_ONCE);
    } catch (error) {
      this.log.debug(`facts could not be read: ${String(error)}`);
      return [];
    }
  }

  /**
   * Where a stream was made anew, what was not told of the old one is lost, and the new one is told from its beginning;
   * where an older copy is in its place, what came after that was made is lost.
   */
  private async restart(stream: EventStream, before: FactCursor): Promise<FactCursor> {
    try {
      const bounds = await this.facts.bounds();
      this.tail.begin(bounds);
      const cursor = await placeInStream(this.facts, before, bounds);
      if (cursor === before) return before;
      stream.send('missed', idOf(cursor), missed(before, cursor));
      return cursor;
    } catch (error) {
      this.log.debug(`the stream of facts could not be read: ${String(error)}`);
      await this.pause(stream.signal);
      return before;
    }
  }

  /** Until there may be more, at most as long as any look waits. */
  private pause(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', settle);
        this.waiting.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, Math.max(MARK_MS, this.config.ENTREPOT_WATCH_MS));
      signal.addEventListener('abort', settle);
      this.waiting.add(settle);
    });
  }

  /** Reads the end of the stream while anybody listens. NATS wakes; where it is away, a slow look finds the same. */
  private async follow(): Promise<void> {
    this.isFollowing = true;
    let wait = FIRST_WAIT_MS;
    while (this.streams.size > 0 && !this.isEnding) {
      this.isWoken = false;
      const found = await this.lookAhead(wait >= this.config.ENTREPOT_WATCH_MS);
      if (found > 0) for (const settle of [...this.waiting]) settle();
      wait = found > 0 || this.isWoken ? FIRST_WAIT_MS : Math.min(wait * 2, this.config.ENTREPOT_WATCH_MS);
      if (found < READ_AT_ONCE && (await this.sleep(wait))) wait = FIRST_WAIT_MS;
    }
    this.isFollowing = false;
  }

  /** How many facts were new. Now and then it is looked whether the stream is still the same. */
  private async lookAhead(isSlow: boolean): Promise<number> {
    try {
      if (isSlow || this.isDoubtful) await this.renew();
      const facts = await this.facts.read(this.tail.end!.after, READ_AT_ONCE);
      this.tail.append(facts);
      return facts.length;
    } catch (error) {
      this.log.debug(`facts could not be read: ${String(error)}`);
      return 0;
    }
  }

  private async renew(): Promise<void> {
    this.isDoubtful = false;
    const before = this.tail.end!;
    try {
      const bounds = await this.facts.bounds();
      const isSame = (await placeInStream(this.facts, before, bounds)) === before;
      if (isSame) return;
      if (before.stream === bounds.stream) this.copies += 1;
      // Those who listen read the new one for themselves, each from where he goes on.
      this.tail.beginAnew(bounds);
    } catch (error) {
      this.isDoubtful = true;
      throw error;
    }
    for (const settle of [...this.waiting]) settle();
  }

  /** True where the bus said that there is more. */
  private sleep(ms: number): Promise<boolean> {
    if (this.isWoken || this.isEnding) return new Promise((resolve) => setTimeout(() => resolve(true), FIRST_WAIT_MS));
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        this.wake = () => {};
        resolve(this.isWoken);
      };
      const timer = setTimeout(settle, ms);
      this.wake = settle;
    });
  }
}

function begin(start: FactStart, { stream, first, last, lastAt }: FactBounds): FactCursor {
  if (start === 'now') return { stream, after: last, at: lastAt };
  if (start === 'first') return { stream, after: first - 1, at: null };
  return start;
}

/** The stream keeps facts for a time, and no more than so many: sequences have no gaps but there. */
function sayMissed(stream: EventStream, cursor: FactCursor, next: number): void {
  const before = { stream: cursor.stream, after: next - 1, at: null };
  stream.send('missed', idOf(before), missed(cursor, before));
}

export function idOf({ stream, after, at }: FactCursor): string {
  return `${stream}-${after}${at === null ? '' : `-${at.toString(36)}`}`;
}

/** What `idOf` wrote; null for anything else. */
export function readId(text: string): FactCursor | null {
  const [, stream, after, at] = /^([0-9a-z]{1,12})-(\d{1,15})(?:-([0-9a-z]{1,9}))?$/.exec(text) ?? [];
  if (stream === undefined || after === undefined) return null;
  return { stream, after: Number(after), at: at === undefined ? null : Number.parseInt(at, 36) };
}

/** Between which ids facts are gone: after the first, up to the second. */
function missed(after: FactCursor, upTo: FactCursor): { after: string; upTo: string } {
  return { after: idOf(after), upTo: idOf(upTo) };
}
