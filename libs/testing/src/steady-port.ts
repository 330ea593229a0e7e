import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that outgoing connections get: while nobody listens there, none of them takes it. */
const LOWEST = 10_000;
const HIGHEST = 32_000;
const given = new Set<number>();

/** A port on loopback for a program that ends and is started again on it. */
export async function steadyPort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
