import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import { EventStream } from './event-stream';

let server: Server;
let client: Socket;
let response: ServerResponse;
let stream: EventStream;

beforeEach(async () => {
  server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  stream = new EventStream({ raw: response, request: { id: 'one' }, hijack: () => {} } as unknown as FastifyReply);
});
afterEach(async () => {
  client.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Writes until the client, who reads nothing, holds some of it up. */
async function fill(): Promise<void> {
  client.pause();
  let unchanged = 0;
  for (let held = 0; unchanged < 20; ) {
    if (response.writableLength === 0) stream.send('operation', '1', 'x'.repeat(500_000));
    await new Promise((resolve) => setTimeout(resolve, 10));
    unchanged = held > 0 && held === response.writableLength ? unchanged + 1 : 0;
    held = response.writableLength;
  }
}

test('a client that takes nothing is cut off soon after the end', async () => {
  await fill();
  const closed = once(response, 'close');
  const began = performance.now();
  stream.end('the end');
  await closed;
  expect(performance.now() - began).toBeLessThan(10_000);
});

test('one that takes it gets all of it, with the last word', async () => {
  await fill();
  stream.end('the end');
  let text = '';
  client.on('data', (part) => {
    text += part;
  });
  client.resume();
  while (!text.endsWith('\r\n0\r\n\r\n')) await once(client, 'data');
  expect(text).toContain(': the end\n\n');
  expect(stream.signal.aborted).toBe(true);
});
