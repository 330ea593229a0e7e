import { randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { Test, type TestingModule } from '@nestjs/testing';
import { blobUnknown, RegistryError } from '#oci/registry-error';
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
    try {
      for await (const part of stream) parts.push(part as Buffer);
    } finally {
      this.received = Buffer.concat(parts);
    }
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

  test('a refused append is its error, whatever was still to be sent', async () => {
    const endless = Readable.from(
      (function* () {
        for (let at = 0; at < 64; at += 1) yield Buffer.alloc(1024 * 1024);
      })(),
    );
    await expect(plane.append('may', 'taken', 0, endless)).rejects.toMatchObject({
      code: 'STALE',
      detail: { offset: 12 },
    });
  });

  test('a source that fails midway is its own error, and what had come is handed over', async () => {
    const source = new PassThrough();
    const appended = plane.append('may', 'one', 0, source);
    source.write(Buffer.alloc(100_000, 1), () => source.destroy(new Error('the upstream hung up')));
    await expect(appended).rejects.toThrow('the upstream hung up');
  });
});
