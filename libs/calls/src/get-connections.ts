import { validateHeaderName, validateHeaderValue } from 'node:http';
import { type Address, type GetAnswer, GetConnection, type Landings, type Waiting } from './get-connection';

export interface Asked extends Address {
  /** With its query. */
  readonly path: string;
  /** `host` among them. */
  readonly headers: Readonly<Record<string, string>>;
}

const IDLE = 64;
/** Less than servers keep a connection that nobody uses. */
const IDLE_MS = 4_000;
const LANDING_BYTES = 256 * 1024;
const SMALL_LANDING_BYTES = 64 * 1024;
/** With more bodies on their way each arrives in smaller pieces. */
const FEW = 64;
const LANDINGS_KEPT = 16;

/**
 * Connections for GET that stay open, as many as bodies are being read at once, up to `most`: whoever comes then waits.
 * Plain HTTP alone. A body on its way has 256 KiB here, of more than 64 each has 64 KiB.
 */
export class GetConnections implements Landings {
  private readonly idle: GetConnection[] = [];
  private readonly open = new Set<GetConnection>();
  private readonly queue: (() => void)[] = [];
  private readonly landings: Buffer[] = [];
  private landed = 0;

  constructor(
    private readonly most: number,
    private readonly idleMs = IDLE_MS,
  ) {}

  /**
   * Asks, and answers once the head is here. Throws OtherFraming where the body's length is not told, the signal's
   * reason, and what the connection failed with.
   */
  async get(asked: Asked, waiting: Waiting = {}): Promise<GetAnswer> {
    const head = headOf(asked);
    const kept = this.takeIdle(asked);
    if (kept) {
      try {
        return await kept.ask(head, waiting);
      } catch (error) {
        // The other side may have closed it while the request was on its way: GET may be asked again.
        if (!kept.wentUnasked || waiting.signal?.aborted) throw error;
      }
    }
    await this.room(waiting.signal);
    return this.connect(asked).ask(head, waiting);
  }

  close(): void {
    for (const connection of this.open) connection.destroy();
  }

  take(): Buffer {
    this.landed += 1;
    if (this.landed > FEW) return Buffer.allocUnsafeSlow(SMALL_LANDING_BYTES);
    return this.landings.pop() ?? Buffer.allocUnsafeSlow(LANDING_BYTES);
  }

  giveBack(landing: Buffer): void {
    this.landed -= 1;
    if (landing.length === LANDING_BYTES && this.landings.length < LANDINGS_KEPT) this.landings.push(landing);
  }

  private takeIdle({ host, port }: Address): GetConnection | undefined {
    for (let at = this.idle.length - 1; at >= 0; at -= 1) {
      const { address, isOver } = this.idle[at]!;
      if (!isOver && address.host === host && address.port === port) return this.idle.splice(at, 1)[0];
    }
    return undefined;
  }

  private connect({ host, port }: Address): GetConnection {
    const connection = new GetConnection(
      { host, port },
      this,
      (freed) => this.keep(freed),
      (ended) => this.drop(ended),
    );
    this.open.add(connection);
    return connection;
  }

  /** One that waits has a connection of its own: who comes first is not overtaken by who comes now. */
  private keep(connection: GetConnection): void {
    if (this.queue.length > 0 || this.idle.length >= IDLE) return void connection.destroy();
    this.idle.push(connection);
    connection.rest(this.idleMs);
  }

  private drop(connection: GetConnection): void {
    this.open.delete(connection);
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
    this.queue.shift()?.();
  }

  /** An idle one to elsewhere gives its place up. */
  private async room(signal: AbortSignal | undefined): Promise<void> {
    while (this.open.size >= this.most) {
      signal?.throwIfAborted();
      const turn = this.turn(signal);
      this.idle.shift()?.destroy();
      await turn;
    }
    signal?.throwIfAborted();
  }

  /** Until a place is free, or nobody wants it any more: a turn that was given in vain is the next one's. */
  private async turn(signal: AbortSignal | undefined): Promise<void> {
    let leave = () => {};
    await new Promise<void>((resolve) => {
      leave = () => {
        const at = this.queue.indexOf(resolve);
        if (at >= 0) this.queue.splice(at, 1);
        else this.queue.shift()?.();
        resolve();
      };
      this.queue.push(resolve);
      signal?.addEventListener('abort', leave, { once: true });
    });
    signal?.removeEventListener('abort', leave);
  }
}

function headOf({ path, headers }: Asked): string {
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw new Error('a path that cannot be asked for');
  const lines = Object.entries(headers).map(([name, value]) => {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return `${name}: ${value}\r\n`;
  });
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}connection: keep-alive\r\n\r\n`;
}
