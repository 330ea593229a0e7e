import { randomBytes } from 'node:crypto';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, pipeline } from 'node:stream';
import { text } from 'node:stream/consumers';
import { waitUntil } from '#testing/wait-until';
import type { ByteSource } from './byte-source';
import { ObjectStream } from './object-stream';
import { ReadBuffers } from './read-buffers';

const KIB = 1024;
const MIB = KIB * KIB;
const MEMORY_BYTES = 128 * MIB;

/** Copies into whatever it is given, as a file does. */
class CopiedBytes implements ByteSource {
  closed = 0;
  private position = 0;

  constructor(
    private readonly bytes: Buffer,
    private readonly failAt = Number.POSITIVE_INFINITY,
  ) {}

  async next(spare: Buffer = Buffer.alloc(MIB)): Promise<Buffer | null> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.position >= this.failAt) throw new Error('the disk broke');
    const length = this.bytes.copy(spare, 0, this.position, this.position + spare.length);
    this.position += length;
    return length > 0 ? spare.subarray(0, length) : null;
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}

describe('an object as a stream', () => {
  const bytes = randomBytes(9 * MIB + 77);
  let buffers: ReadBuffers;
  let server: Server;
  let answer: (response: ServerResponse) => void;

  beforeEach(async () => {
    buffers = new ReadBuffers(MEMORY_BYTES);
    server = createServer((_request, response) => answer(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function ask(): Promise<IncomingMessage> {
    const { port } = server.address() as AddressInfo;
    return new Promise((resolve, reject) => get({ port, agent: false }, resolve).on('error', reject));
  }

  async function readSlowly(response: IncomingMessage): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of response) {
      parts.push(Buffer.from(part as Buffer));
      if (parts.length % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return Buffer.concat(parts);
  }

  const ways: [string, (stream: ObjectStream, response: ServerResponse) => void][] = [
    ['piped', (stream, response) => void stream.pipe(response)],
    ['in a pipeline', (stream, response) => void pipeline(stream, response, () => {})],
  ];

  test.each(ways)('%s to a response, its two buffers never overwrite what was not sent', async (_way, send) => {
    const source = new CopiedBytes(bytes);
    answer = (response) => send(new ObjectStream(source, buffers), response);
    expect((await readSlowly(await ask())).equals(bytes)).toBe(true);
    await waitUntil('the source to be closed', () => source.closed > 0);
  });

  test.each(ways)('%s to a response, a reader that hangs up releases the source', async (_way, send) => {
    const source = new CopiedBytes(bytes);
    let released = 0;
    answer = (response) =>
      send(
        new ObjectStream(source, buffers, () => {
          released += 1;
        }),
        response,
      );
    const response = await ask();
    response.once('data', () => response.destroy());
    await waitUntil('the source to be closed', () => source.closed === 1 && released === 1);
  });

  test('a failing source cuts the response, which never completes', async () => {
    const source = new CopiedBytes(bytes, 4 * MIB);
    let failure: Error | null | undefined;
    answer = (response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      pipeline(new ObjectStream(source, buffers), response, (error) => {
        failure = error;
      });
    };
    await expect(text(await ask())).rejects.toThrow('aborted');
    expect(failure?.message).toBe('the disk broke');
  });

  test('poured, a chunk stays as it is until it was taken, and one is read ahead', async () => {
    const taken: Buffer[] = [];
    let under = 0;
    let most = 0;
    await new ObjectStream(new CopiedBytes(bytes), buffers).pour(async (chunk) => {
      under += 1;
      most = Math.max(most, under);
      const before = Buffer.from(chunk);
      await new Promise((resolve) => setTimeout(resolve, 2));
      expect(chunk.equals(before)).toBe(true);
      taken.push(before);
      under -= 1;
    });
    expect(Buffer.concat(taken).equals(bytes)).toBe(true);
    expect(most).toBe(2);
  });

  test('poured, what the taker refuses is thrown, and a source that hangs is released', async () => {
    const source = new CopiedBytes(bytes);
    const hanging: ByteSource = {
      next: (spare) => (source.closed === 0 ? source.next(spare) : new Promise(() => {})),
      close: () => source.close(),
    };
    const stream = new ObjectStream(hanging, buffers);
    const refusal = new Error('refused');
    await expect(stream.pour(() => Promise.reject(refusal))).rejects.toBe(refusal);
    expect(source.closed).toBe(1);
  });

  test('poured, what the source or whoever destroys it fails with is thrown', async () => {
    const failing = new ObjectStream(new CopiedBytes(bytes, 4 * MIB), buffers);
    await expect(failing.pour(async () => {})).rejects.toThrow('the disk broke');
    failing.destroy();
    const capped = new ObjectStream(new CopiedBytes(bytes), buffers);
    const poured = capped.pour(async () => void capped.destroy(new Error('it took too long')));
    await expect(poured).rejects.toThrow('it took too long');
  });

  test('an empty one ends a response', async () => {
    answer = (response) =>
      void pipeline(new ObjectStream(new CopiedBytes(Buffer.alloc(0)), buffers), response, () => {});
    expect(await text(await ask())).toBe('');
  });

  test('whoever keeps its chunks has chunks of its own', async () => {
    const kept: Buffer[] = [];
    for await (const chunk of new ObjectStream(new CopiedBytes(bytes), buffers)) kept.push(chunk as Buffer);
    expect(Buffer.concat(kept).equals(bytes)).toBe(true);
    const through: Buffer[] = [];
    const passing = new ObjectStream(new CopiedBytes(bytes), buffers).pipe(new PassThrough());
    for await (const chunk of passing) through.push(chunk as Buffer);
    expect(Buffer.concat(through).equals(bytes)).toBe(true);
  });

  test('the more reads there are, the smaller are their buffers, and all of them fit their memory', () => {
    expect(buffers.size).toBe(MIB);
    const streams = Array.from({ length: 500 }, () => new ObjectStream(new CopiedBytes(bytes), buffers));
    expect(buffers.size * 2 * streams.length).toBeLessThanOrEqual(MEMORY_BYTES);
    expect(buffers.renew(Buffer.alloc(MIB)).length).toBe(buffers.size);
    for (const stream of streams) stream.destroy();
    expect(buffers.size).toBe(MIB);
  });
});
