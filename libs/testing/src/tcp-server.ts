import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** Whoever listens on loopback and may not speak HTTP. Its sockets end with it: an open one keeps a test run alive. */
export class TcpServer {
  port = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(answer: (socket: Socket) => void) {
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      answer(socket);
    });
  }

  /** Silent, if it is not told how to answer; on any free port, if none is named. */
  static async start(answer: (socket: Socket) => void = () => undefined, port = 0): Promise<TcpServer> {
    const server = new TcpServer(answer);
    server.server.listen(port, '127.0.0.1');
    await once(server.server, 'listening');
    server.port = (server.server.address() as AddressInfo).port;
    return server;
  }

  say(text: string): void {
    for (const socket of this.sockets) socket.write(text);
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
