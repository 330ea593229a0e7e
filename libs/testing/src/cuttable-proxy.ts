import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Address {
  readonly port: number;
  readonly host: string;
}

/**
 * Stands before a server on loopback. While it is cut nothing passes, and nobody is told: as with a cable that was
 * pulled, connections stay as they are and new ones get no answer. What was sent meanwhile arrives when it is mended.
 */
export class CuttableProxy {
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private isCut = false;

  private constructor(
    private readonly server: Server,
    private readonly target: Address,
  ) {}

  /** To a port on loopback, or to another address; from a free port on loopback, or another one. */
  static async start(target: number | Address, from: Partial<Address> = {}): Promise<CuttableProxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new CuttableProxy(server, typeof target === 'number' ? { port: target, host: '127.0.0.1' } : target);
    server.on('connection', (socket) => proxy.join(socket));
    server.listen(from.port ?? 0, from.host ?? '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  cut(): void {
    this.isCut = true;
    for (const socket of [...this.pairs].flat()) socket.pause();
  }

  mend(): void {
    this.isCut = false;
    for (const socket of [...this.pairs].flat()) socket.resume();
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of [...this.pairs].flat()) socket.destroy();
    await closed;
  }

  private join(client: Socket): void {
    const server = connect({ ...this.target, allowHalfOpen: true });
    const pair = [client, server] as const;
    this.pairs.add(pair);
    for (const [from, to] of [pair, [server, client] as const]) {
      from.on('error', () => undefined);
      from.on('data', (bytes) => to.write(bytes));
      from.on('end', () => to.end());
      from.on('close', () => {
        to.destroy();
        this.pairs.delete(pair);
      });
      if (this.isCut) from.pause();
    }
  }
}
