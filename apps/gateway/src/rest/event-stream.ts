import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { eventStreams } from '../gateway-metrics';
import { startAnswer } from '../registry/send-answer';

/** A reader that leaves this many bytes unread is cut off: it will connect again and be told how things are then. */
const MOST_UNREAD = 1024 * 1024;

/** As much as may lie unread before whoever sends a lot waits for the reader, in bytes. */
const SOME_UNREAD = 64 * 1024;

/** Silence longer than this makes proxies close a connection, in milliseconds. */
const HEARTBEAT_MS = 15_000;

/** A client that does not take the end within this is cut off, in milliseconds: it holds up no end of ours. */
const END_WITHIN_MS = 1_000;

/** Server-sent events to one client (HTML Living Standard, 9.2), until either side ends them. */
export class EventStream {
  private readonly raw: ServerResponse;
  private readonly heartbeat: NodeJS.Timeout;
  private readonly closed = new AbortController();

  constructor(reply: FastifyReply) {
    this.raw = startAnswer(reply, 200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      // Proxies of nginx's kind would hold events back.
      'X-Accel-Buffering': 'no',
    });
    this.heartbeat = setInterval(() => this.write(': \n\n'), HEARTBEAT_MS);
    eventStreams.inc();
    this.raw.once('close', () => this.stop()).on('error', () => this.stop());
    this.raw.flushHeaders();
    if (this.raw.destroyed || this.raw.req.method === 'HEAD') this.end();
  }

  /** Aborted once nobody listens any more. */
  get signal(): AbortSignal {
    return this.closed.signal;
  }

  /** `id` is what a client that connects again says it was told last (`Last-Event-ID`). */
  send(event: string, id: string, data: unknown): void {
    this.sendLine(event, id, JSON.stringify(data));
  }

  /** As `send`, of what is one line of JSON already. */
  sendLine(event: string, id: string, line: string): void {
    this.write(`event: ${event}\nid: ${id}\ndata: ${line}\n\n`);
  }

  /** Has the client say this id when it connects again, and tells it nothing. */
  mark(id: string): void {
    this.write(`id: ${id}\n\n`);
  }

  /** Resolves when the client has taken what was sent, but for a little; it is cut off where that takes it so long. */
  taken(withinMs: number): Promise<void> {
    if (this.signal.aborted || this.raw.writableLength <= SOME_UNREAD) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(stalled);
        this.raw.off('drain', settle);
        this.signal.removeEventListener('abort', settle);
        resolve();
      };
      const stalled = setTimeout(() => this.raw.destroy(), withinMs);
      this.raw.once('drain', settle);
      this.signal.addEventListener('abort', settle);
    });
  }

  /** Ends in order, after a last comment where there is one to make: programs pass over it, people read it. */
  end(comment?: string): void {
    if (this.signal.aborted) return;
    const cut = setTimeout(() => this.raw.destroy(), END_WITHIN_MS);
    this.raw.once('close', () => clearTimeout(cut)).once('finish', () => clearTimeout(cut));
    if (comment !== undefined) this.write(`: ${comment}\n\n`);
    this.raw.end();
    this.stop();
  }

  private write(text: string): void {
    if (this.signal.aborted) return;
    this.raw.write(text);
    if (this.raw.writableLength > MOST_UNREAD) this.raw.destroy();
  }

  private stop(): void {
    clearInterval(this.heartbeat);
    if (!this.signal.aborted) eventStreams.dec();
    this.closed.abort();
  }
}
