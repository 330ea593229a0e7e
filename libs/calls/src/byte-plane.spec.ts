import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { Test, type TestingModule } from '@nestjs/testing';
import { blobUnknown, RegistryError } from '#oci/registry-error';
import { eventually } from '#testing/eventually';
import { brokenUpload } from './broken-upload';
import { BytePlane, type ObjectReading, type ReadOptions } from './byte-plane';
import { CallRegistry } from './call-registry';
import { CallServer } from './call-server';
import { HttpBytePlane } from './http-byte-plane';
import { InProcessBytePlane } from './in-process-byte-plane';
import { LinksModule } from './links.module';

/** A plane that keeps one object in memory and misbehaves when asked to. */
class MemoryPlane extends BytePlane {
  bytes = randomBytes(3 * 1024 * 1024 + 5);
  received = Buffer.alloc(0);

  override async read(capability: string, object: string, options: ReadOptions = {}): Promise<ObjectReading> {
    if (capability !== 'may') throw new RegistryError('DENIED', 'no');
    if (object === 'absent') throw blobUnknown('sha256:0');
    const location = 'https://s3.example.com/one?signed=1';
    if (options.redirect) return { size: this.bytes.length, verified: true, location, stream: Readable.from([]) };
    const { start, end } = options.stretch ?? { start: 0, end: this.bytes.length };
    const stream = object === 'cut' ? this.cut() : Readable.from([this.bytes.subarray(start, end)]);
    return { size: this.bytes.length, verified: object !== 'cut', stream };
  }

  private cut(): Readable {
    const stream = new PassThrough();
    stream.write(this.bytes.subarray(0, 1000));
    setImmediate(() => stream.destroy(new Error('the digest is wrong')));
    return stream;
  }

  override async append(_capability: string, session: string, offset: number, stream: Readable) {
    if (session === 'taken') throw new RegistryError('STALE', 'another writer', { detail: { offset: 12 } });
    const parts: Buffer[] = [];
    const fault = await (async () => {
      for await (const part of stream) parts.push(part as Buffer);
    })().catch((error: unknown) => error);
    this.received = Buffer.concat(parts);
    if (fault !== undefined) throw brokenUpload(offset + this.received.length, fault);
    return { offset: offset + this.received.length };
  }
}

const secret = new Uint8Array(32);

async function whole(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

describe.each(['in process', 'over HTTP'])('the byte plane %s', (binding) => {
  let memory: MemoryPlane;
  let plane: BytePlane;
  let app: TestingModule;
  let close: () => Promise<void>;

  beforeEach(async () => {
    memory = new MemoryPlane();
    app = await Test.createTestingModule({ imports: [LinksModule.inProcess(secret)] }).compile();
    app.useLogger(false);
    const registry = app.get(CallRegistry);
    registry.serveBytes(memory);
    if (binding === 'in process') {
      plane = new InProcessBytePlane(registry);
      close = () => app.close();
      return;
    }
    const server = new CallServer(registry, secret);
    const http = new HttpBytePlane(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
    plane = http;
    close = async () => {
      http.close();
      await server.close();
      await app.close();
    };
  });
  afterEach(() => close());

  test('reads a whole object with its size', async () => {
    const reading = await plane.read('may', 'one');
    expect(reading).toMatchObject({ size: memory.bytes.length, verified: true });
    expect((await whole(reading.stream)).equals(memory.bytes)).toBe(true);
  });

  test('reads a stretch', async () => {
    const reading = await plane.read('may', 'one', { stretch: { start: 10, end: 20 } });
    expect(reading.size).toBe(memory.bytes.length);
    expect((await whole(reading.stream)).equals(memory.bytes.subarray(10, 20))).toBe(true);
  });

  test('says where to read instead to whoever may be sent there, and the next question is answered too', async () => {
    for (const stretch of [{}, { stretch: { start: 10, end: 20 } }]) {
      const reading = await plane.read('may', 'one', { redirect: true, ...stretch });
      expect(reading).toMatchObject({ size: memory.bytes.length, location: 'https://s3.example.com/one?signed=1' });
      expect(await whole(reading.stream)).toHaveLength(0);
    }
    expect((await plane.read('may', 'one', { redirect: false })).location).toBeUndefined();
  });

  test('a refusal before the first byte is its error', async () => {
    await expect(plane.read('may not', 'one')).rejects.toMatchObject({ code: 'DENIED' });
    await expect(plane.read('may', 'absent')).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  test('a reading that fails midway is cut, never completed', async () => {
    const reading = await plane.read('may', 'cut');
    expect(reading.verified).toBe(false);
    await expect(whole(reading.stream)).rejects.toThrow();
  });

  test('appends a stream and answers the durable offset', async () => {
    const body = randomBytes(2_500_000);
    await expect(plane.append('may', 'one', 5, Readable.from([body]))).resolves.toEqual({ offset: 2_500_005 });
    expect(memory.received.equals(body)).toBe(true);
  });

  test("a refused append is its error, whatever was still to be sent, and the stream is still its caller's", async () => {
    let made = 0;
    const endless = new Readable({
      read() {
        made += 1;
        setImmediate(() => this.push(Buffer.alloc(1024 * 1024)));
      },
    });
    const refused = { code: 'STALE', detail: { offset: 12 } };
    await expect(plane.append('may', 'taken', 0, endless)).rejects.toMatchObject(refused);
    const before = made;
    expect({ destroyed: endless.destroyed, flows: endless.readableFlowing === true }).toEqual({
      destroyed: false,
      flows: false,
    });
    expect(endless.listenerCount('data') + endless.listenerCount('readable')).toBe(0);
    endless.resume();
    await eventually('the rest is there', async () => made > before);
    endless.destroy();
  });

  test('whoever sends what is refused is answered', async () => {
    const face = createServer(async (request, response) => {
      const refusal = await plane.append('may', 'taken', 0, request).catch((error: unknown) => error);
      response.writeHead(416).end(JSON.stringify(refusal instanceof RegistryError && refusal.detail));
      request.resume();
    });
    face.listen(0, '127.0.0.1');
    await once(face, 'listening');
    const { port } = face.address() as AddressInfo;
    const client = request({ host: '127.0.0.1', port, method: 'PATCH' });
    client.on('error', () => {});
    client.write(Buffer.alloc(4 * 1024 * 1024));
    const [answer] = (await once(client, 'response')) as [IncomingMessage];
    expect({ status: answer.statusCode, text: String(await whole(answer)) }).toEqual({
      status: 416,
      text: '{"offset":12}',
    });
    client.destroy();
    await new Promise((resolve) => face.close(resolve));
  });

  test.each([
    [
      'fails midway',
      (source: PassThrough) => source.destroy(new Error('the upstream hung up')),
      'the upstream hung up',
    ],
    ['closes midway', (source: PassThrough) => source.destroy(), expect.any(String)],
  ])('a source that %s is CANCELLED with the offset up to which all is kept', async (_how, breakOff, message) => {
    const source = new PassThrough();
    const appended = plane.append('may', 'one', 7, source);
    source.write(Buffer.alloc(100_000, 1), () => setImmediate(breakOff, source));
    await expect(appended).rejects.toMatchObject({
      code: 'CANCELLED',
      detail: { offset: 100_007 },
      ...(binding === 'in process' ? {} : { cause: { message } }),
    });
    expect(memory.received).toHaveLength(100_000);
  });
});
