import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { FACT_STREAM } from '#contracts/facts';
import { isRegistryError, unavailable } from '#oci/registry-error';
import type { Bus } from './bus';

/** A fact as its stream keeps it. */
export interface LoggedFact {
  readonly sequence: number;
  /** When the stream took it, in milliseconds since 1970. */
  readonly at: number;
  readonly subject: string;
  /** The CloudEvent as it was published, on one line. */
  readonly text: string;
  /** The fact's data where it can be read. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** The stream as it is: a wiped store makes another one, whose sequences begin anew. */
export interface FactBounds {
  readonly stream: string;
  /** The oldest that is kept and the newest; `last` is one less than `first` where there is none. */
  readonly first: number;
  readonly last: number;
  /** When the stream took these two; null where there is none. */
  readonly firstAt: number | null;
  readonly lastAt: number | null;
}

/** Facts of the past, read from their stream. Every call throws UNAVAILABLE without NATS. */
export class FactLog {
  constructor(private readonly bus: Bus) {}

  async bounds(): Promise<FactBounds> {
    const { created, state } = await this.ask((manager) => manager.streams.info(FACT_STREAM));
    const first = Math.max(1, state.first_seq);
    const last = Math.max(state.last_seq, first - 1);
    const at = (moment: string) => (state.messages > 0 ? new Date(moment).getTime() : null);
    const [firstAt, lastAt] = [at(state.first_ts), at(state.last_ts)];
    return { stream: new Date(created).getTime().toString(36), first, last, firstAt, lastAt };
  }

  /** The next ones after a sequence, at most so many; none where there are none yet. */
  async read(after: number, limit: number): Promise<LoggedFact[]> {
    return this.ask(async (manager) => {
      const found: LoggedFact[] = [];
      const batch = await manager.direct.getBatch(FACT_STREAM, { seq: after + 1, batch: limit, max_bytes: MOST_BYTES });
      try {
        for await (const stored of batch) found.push(toFact(stored));
      } catch (error) {
        if (!isNotThere(error)) throw error;
      }
      return found;
    });
  }

  /** The sequence of the first one that came at that moment (milliseconds since 1970) or later; null for none. */
  async firstSince(moment: number): Promise<number | null> {
    return this.ask(async (manager) => {
      const query = { start_time: new Date(moment), batch: 1 };
      try {
        for await (const { seq } of await manager.direct.getBatch(FACT_STREAM, query)) return seq;
      } catch (error) {
        if (!isNotThere(error)) throw error;
      }
      return null;
    });
  }

  private async ask<T>(run: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    try {
      return await run(await this.bus.manager());
    } catch (error) {
      throw isRegistryError(error) ? error : unavailable('NATS', 1, error);
    }
  }
}

/** The server's word for no message at that sequence or after it. */
function isNotThere(error: unknown): boolean {
  return error instanceof Error && error.name === 'JetStreamStatusError' && error.message === 'message not found';
}

/** Of one read: what a process holds for a listener that reads the past. */
const MOST_BYTES = 1024 * 1024;

function toFact({ seq, subject, data, time }: StoredMsg): LoggedFact {
  const raw = Buffer.from(data).toString('utf8');
  const json = readJson(raw);
  // What is no JSON, or is on several lines, would end an event early: it is sent as one line of JSON text.
  const text = json === undefined || raw.includes('\n') || raw.includes('\r') ? JSON.stringify(json ?? raw) : raw;
  const inner = (json as { data?: unknown } | null | undefined)?.data;
  const isRecord = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
  return { sequence: seq, at: time.getTime(), subject, text, data: isRecord ? (inner as Record<string, unknown>) : {} };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
