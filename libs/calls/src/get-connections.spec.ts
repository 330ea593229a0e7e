import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { TcpServer } from '#testing/tcp-server';
import { waitUntil } from '#testing/wait-until';
import { type GetAnswer, OtherFraming } from './get-connection';
import { GetConnections } from './get-connections';

const MIB = 1024 * 1024;
const ok = (length: number, ...more: string[]) =>
  ['HTTP/1.1 200 OK', `content-length: ${length}`, ...more, '', ''].join('\r\n');

describe('connections for GET', () => {
  let server: TcpServer;
  let gets: GetConnections;
  let sockets: Socket[];
  let requests: string[];
  /** What is said to each request. */
  let answer: (socket: Socket, request: string) => void;

  beforeEach(async () => {
    [sockets, requests] = [[], []];
    gets = new GetConnections(10, 60_000);
    server = await TcpServer.start((socket) => {
      sockets.push(socket);
      socket.on('data', (bytes) => {
        requests.push(String(bytes));
        answer(socket, String(bytes));
      });
    });
  });
  afterEach(async () => {
    gets.close();
    await server.stop();
  });

  const get = (path = '/', waiting = {}) =>
    gets.get({ host: '127.0.0.1', port: server.port, path, headers: { host: 'spec' } }, waiting);

  async function read(source: GetAnswer, spare?: Buffer, rest = async () => {}): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let part = await source.next(spare); part; part = await source.next(spare)) {
      parts.push(Buffer.from(part));
      await rest();
    }
    return Buffer.concat(parts);
  }

  const ended = (socket: Socket | undefined) => waitUntil('the connection to end', () => socket?.destroyed === true);

  test.each([
    ['into buffers of its own', undefined],
    ['into small buffers of the reader', Buffer.alloc(10_007)],
    ['into large buffers of the reader', Buffer.alloc(MIB)],
  ])('all bytes come, in order, %s, and several answers over one connection', async (_how, spare) => {
    const bytes = randomBytes(3 * MIB + 5);
    answer = (socket) => void socket.write(Buffer.concat([Buffer.from(ok(bytes.length)), bytes]));
    for (let round = 0; round < 3; round += 1) {
      const source = await get();
      expect(source.head).toMatchObject({ status: 200, length: bytes.length });
      const rest = round === 1 ? () => new Promise<void>((resolve) => setImmediate(resolve)) : undefined;
      expect((await read(source, spare, rest)).equals(bytes)).toBe(true);
    }
    expect(sockets).toHaveLength(1);
  });

  test('a head and a body that come a byte at a time', async () => {
    const text = `${ok(5)}hello`;
    answer = async (socket) => {
      for (const letter of text) {
        socket.write(letter);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    expect(String(await read(await get()))).toBe('hello');
  });

  test('many at once each have their own bytes', async () => {
    answer = (socket, request) => {
      const byte = Number(/^GET \/(\d+)/.exec(request)?.[1]);
      socket.write(Buffer.concat([Buffer.from(ok(MIB)), Buffer.alloc(MIB, byte)]));
    };
    const one = async (byte: number) => (await read(await get(`/${byte}`))).equals(Buffer.alloc(MIB, byte));
    const rounds = [0, 1, 2].map(async (round) => {
      for (let byte = round * 50; byte < round * 50 + 40; byte += 1) expect(await one(byte)).toBe(true);
    });
    await Promise.all(rounds);
    expect(sockets.length).toBeLessThanOrEqual(3);
  });

  test('a reader that takes nothing is sent nothing more', async () => {
    let left = 512;
    const more = (socket: Socket) => {
      while (left > 0 && socket.write(Buffer.alloc(MIB))) left -= 1;
    };
    answer = (socket) => {
      socket.on('drain', () => more(socket));
      socket.write(ok(512 * MIB));
      more(socket);
    };
    const source = await get();
    await source.next();
    let before = -1;
    while (before !== left) {
      before = left;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(left).toBeGreaterThan(400);
    await source.close();
    await ended(sockets[0]);
  });

  test('a body that is cut is an error, never an end', async () => {
    answer = (socket) => void socket.write(`${ok(10)}hello`, () => socket.end());
    const source = await get();
    await expect(read(source)).rejects.toThrow('the connection ended');
    await expect(source.next()).rejects.toThrow();
  });

  test.each([
    ['with the answer', (socket: Socket) => void socket.write(`${ok(5)}hello${ok(5)}wrong`)],
    [
      'behind it',
      (socket: Socket) => void socket.write(`${ok(5)}hello`, () => setTimeout(() => socket.write(ok(0)), 100)),
    ],
  ])('what a server says unasked, %s, is the answer to nothing', async (_when, say) => {
    answer = say;
    expect(String(await read(await get()))).toBe('hello');
    await ended(sockets[0]);
    answer = (socket) => void socket.write(`${ok(4)}next`);
    expect(String(await read(await get()))).toBe('next');
  });

  test('a reader that is through has nothing to do with what its connection brings next', async () => {
    answer = (socket) => void socket.write(`${ok(5)}hello`);
    const first = await get();
    await read(first);
    const second = await get();
    expect(await first.next()).toBeNull();
    await first.close();
    expect(String(await read(second))).toBe('hello');
    expect(sockets).toHaveLength(1);
  });

  test('a connection that the other side closed meanwhile costs nothing', async () => {
    answer = (socket) => void socket.write(`${ok(2)}ok`);
    await read(await get());
    answer = (socket) => {
      answer = (other) => void other.write(`${ok(5)}again`);
      socket.destroy();
    };
    expect(String(await read(await get()))).toBe('again');
    expect([requests.length, sockets.length]).toEqual([3, 2]);
  });

  test('one that nobody uses is closed after a while', async () => {
    const brief = new GetConnections(10, 50);
    answer = (socket) => void socket.write(`${ok(2)}ok`);
    await read(await brief.get({ host: '127.0.0.1', port: server.port, path: '/', headers: { host: 'spec' } }));
    await ended(sockets[0]);
  });

  test('a new connection that ends is an error at once', async () => {
    answer = (socket) => void socket.destroy();
    await expect(get()).rejects.toThrow();
    expect(requests).toHaveLength(1);
  });

  test.each([
    ['chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['an end of the connection', 'HTTP/1.1 200 OK\r\n\r\nhello'],
    ['an answer before the answer', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ])('a length that is told by %s is for another client to read', async (_what, said) => {
    answer = (socket) => void socket.write(said);
    await expect(get()).rejects.toThrow(OtherFraming);
    await ended(sockets[0]);
  });

  test.each([
    ['is none', 'hello\r\n\r\n'],
    ['has no end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(5_000)}`],
    ['says two lengths', ok(5, 'content-length: 6')],
  ])('a head that %s ends the connection', async (_what, said) => {
    answer = (socket) => void socket.write(said);
    await expect(get()).rejects.toThrow();
    await ended(sockets[0]);
  });

  test.each([
    ['the head', async () => {}],
    ['more of the body', (socket: Socket) => void socket.write(`${ok(9)}hello`)],
  ])('whoever gives up while he waits for %s is told, and the connection ends', async (_what, say) => {
    answer = say;
    const giveUp = new AbortController();
    const reading = get('/', { signal: giveUp.signal }).then(read);
    reading.catch(() => {});
    await waitUntil('the request', () => requests.length === 1);
    giveUp.abort(new Error('given up'));
    await expect(reading).rejects.toThrow('given up');
    await ended(sockets[0]);
  });

  test('a signal that is aborted later has nothing to do with an answer that was read', async () => {
    const giveUp = new AbortController();
    answer = (socket) => void socket.write(`${ok(2)}ok`);
    await read(await get('/', { signal: giveUp.signal }));
    giveUp.abort();
    await read(await get());
    expect(sockets).toHaveLength(1);
  });

  test('silence is borne for a while, and only while somebody waits', async () => {
    answer = (socket) => void socket.write(`${ok(9)}hello`);
    const source = await get('/', { silenceMs: 200 });
    expect(String(await source.next())).toBe('hello');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(sockets[0]?.destroyed).toBe(false);
    await expect(source.next()).rejects.toThrow('nothing came for 200 ms');
    answer = () => {};
    await expect(get('/', { silenceMs: 50 })).rejects.toThrow('nothing came for 50 ms');
  });

  test('no more than so many connections: whoever comes then waits, or gives up', async () => {
    answer = (socket) => void socket.write(`${ok(9)}hello`);
    const held = await Promise.all(Array.from({ length: 10 }, () => get()));
    const giveUp = new AbortController();
    const [first, second] = [get('/', { signal: giveUp.signal }), get()];
    first.catch(() => {});
    giveUp.abort(new Error('given up'));
    await expect(first).rejects.toThrow('given up');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(sockets).toHaveLength(10);
    await held[0]!.close();
    expect((await second).head.status).toBe(200);
    await second.then((source) => source.close());
    for (const source of held) await source.close();
  });

  test('who gives up in the moment in which a place is free leaves it to the next', async () => {
    answer = (socket) => void socket.write(`${ok(9)}hello`);
    const held = await Promise.all(Array.from({ length: 10 }, () => get()));
    const giveUp = new AbortController();
    const [first, second] = [get('/', { signal: giveUp.signal }), get()];
    first.catch(() => {});
    const { shift } = Array.prototype;
    // In the very step in which the turn is given, before whoever waits for it goes on.
    const given = jest.spyOn(Array.prototype, 'shift').mockImplementation(function (this: unknown[]) {
      const turn = shift.call(this);
      if (typeof turn === 'function') giveUp.abort(new Error('given up'));
      return turn;
    });
    await held[0]!.close();
    await expect(first)
      .rejects.toThrow('given up')
      .finally(() => given.mockRestore());
    await second.then((source) => source.close());
    for (const source of held) await source.close();
  });

  test('nothing that is asked can make two requests of one', async () => {
    const asked = { host: '127.0.0.1', port: server.port, path: '/', headers: { host: 'spec' } };
    await expect(gets.get({ ...asked, path: '/ HTTP/1.1\r\nx: y' })).rejects.toThrow();
    await expect(gets.get({ ...asked, headers: { host: 'spec\r\nx: y' } })).rejects.toThrow();
    await expect(gets.get({ ...asked, headers: { 'host: a\r\nx': 'y' } })).rejects.toThrow();
    expect(sockets).toHaveLength(0);
  });
});
