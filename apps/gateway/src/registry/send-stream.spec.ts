import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { ObjectStream } from '#calls/object-stream';
import { ReadBuffers } from '#calls/read-buffers';
import { askRaw } from '#testing/raw-http';
import { ClientGone, sendStream } from './send-stream';

const MIB = 1024 * 1024;
const chunk = Buffer.alloc(MIB, 7);

let server: Server;
let answering: Promise<number> | undefined;
let respond: (response: ServerResponse) => Promise<number>;

beforeEach(async () => {
  server = createServer((_request, response) => {
    answering = respond(response);
    answering.catch(() => {});
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});
const port = () => (server.address() as AddressInfo).port;

/** Counts the chunks that are taken from it. */
class Source extends Readable {
  taken = 0;
  constructor(readonly chunks: number) {
    super({ highWaterMark: MIB });
  }
  override _read(): void {
    this.push(this.taken++ < this.chunks ? chunk : null);
  }
}

async function openAndPause() {
  const socket = connect(port(), '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'data');
  socket.pause();
  return socket;
}

test('a whole stream is sent, and its length answered', async () => {
  respond = (response) =>
    sendStream(new Source(5), response.writeHead(200, { 'Content-Length': 5 * MIB }), 5 * MIB, 10_000);
  expect((await askRaw(port(), '/')).body).toHaveLength(5 * MIB);
  await expect(answering).resolves.toBe(5 * MIB);
});

test('a client that takes nothing is read for no further, and is cut off after a while', async () => {
  const stream = new Source(512);
  respond = (response) => sendStream(stream, response.writeHead(200, { 'Content-Length': 512 * MIB }), 512 * MIB, 300);
  const client = await openAndPause();
  await expect(answering).rejects.toThrow(ClientGone);
  expect(stream.taken).toBeLessThan(64);
  expect(stream.destroyed).toBe(true);
  client.destroy();
});

test('a client that hangs up while nothing comes ends the reading', async () => {
  const stream = new Readable({ read() {} });
  respond = (response) => {
    response.writeHead(200, { 'Content-Length': 10 }).flushHeaders();
    return sendStream(stream, response, 10, 10_000);
  };
  (await openAndPause()).destroy();
  await expect(answering).rejects.toThrow(ClientGone);
  expect(stream.destroyed).toBe(true);
});

/** The same, as objects come: into buffers that are used again. */
function poured(source: Source): ObjectStream {
  const next = async (spare = Buffer.alloc(MIB)) => {
    await new Promise((resolve) => setImmediate(resolve));
    return source.taken++ < source.chunks ? spare.subarray(0, chunk.copy(spare)) : null;
  };
  return new ObjectStream({ next, close: async () => void source.destroy() }, new ReadBuffers(8 * MIB));
}

test('an object is poured, and its length answered', async () => {
  respond = (response) =>
    sendStream(poured(new Source(5)), response.writeHead(200, { 'Content-Length': 5 * MIB }), 5 * MIB, 10_000);
  expect((await askRaw(port(), '/')).body).toHaveLength(5 * MIB);
  await expect(answering).resolves.toBe(5 * MIB);
});

test.each([
  ['fewer', 4],
  ['more', 6],
])('an object of %s bytes than were promised cuts the answer', async (_what, chunks) => {
  respond = (response) =>
    sendStream(poured(new Source(chunks)), response.writeHead(200, { 'Content-Length': 5 * MIB }), 5 * MIB, 10_000);
  await askRaw(port(), '/').catch(() => {});
  await expect(answering).rejects.toThrow('promised');
});

test.each([
  ['takes nothing', 300],
  ['hangs up', 60_000],
])('a client that %s ends the reading of an object', async (_what, stallMs) => {
  const source = new Source(512);
  respond = (response) =>
    sendStream(poured(source), response.writeHead(200, { 'Content-Length': 512 * MIB }), 512 * MIB, stallMs);
  const client = await openAndPause();
  if (stallMs > 300) client.destroy();
  await expect(answering).rejects.toThrow(ClientGone);
  expect([source.taken < 64, source.destroyed]).toEqual([true, true]);
  client.destroy();
});

test('an object whose reading was ended says why', async () => {
  const stream = poured(new Source(512));
  respond = (response) => sendStream(stream, response.writeHead(200), 512 * MIB, 60_000);
  const client = await openAndPause();
  stream.destroy(new Error('the read took too long'));
  await expect(answering).rejects.toThrow('the read took too long');
  client.destroy();
});

test('a client that hangs up while it is waited for ends the reading', async () => {
  const stream = new Source(512);
  respond = (response) =>
    sendStream(stream, response.writeHead(200, { 'Content-Length': 512 * MIB }), 512 * MIB, 60_000);
  const client = await openAndPause();
  client.destroy();
  await expect(answering).rejects.toThrow(ClientGone);
  expect(stream.destroyed).toBe(true);
});
