import { freePort } from '#children/free-port';
import { StartFault } from '#config/start-fault';
import { TcpServer } from '#testing/tcp-server';
import { TestBroker, until } from './broker.testing';
import { Bus } from './bus';

describe('the bus', () => {
  const open: Bus[] = [];
  const aBus = (url: string, keepsStreams = false) => {
    const bus = new Bus({ url, name: 'spec', keepsStreams });
    open.push(bus);
    return bus;
  };
  afterEach(async () => {
    for (const bus of open.splice(0)) await bus.drain();
  });

  describe('with a server', () => {
    let broker: TestBroker;
    beforeAll(async () => {
      broker = await TestBroker.start();
    });
    afterAll(() => broker?.stop());

    it('hears what is published, and stops when told', async () => {
      const bus = aBus(broker.url);
      await bus.start();
      const heard: unknown[] = [];
      const stop = bus.subscribe('entrepot.progress.>', (json, subject) => void heard.push([subject, json]));
      bus.publish('entrepot.progress.k1m.1', { done: 1 });
      await until('it is heard', () => heard.length === 1);
      expect(heard).toEqual([['entrepot.progress.k1m.1', { done: 1 }]]);
      stop();
      bus.publish('entrepot.progress.k1m.1', { done: 2 });
      await bus.link.current()?.flush();
      expect(heard).toHaveLength(1);
    });

    it('goes on when a listener fails, and when what came is no JSON', async () => {
      const bus = aBus(broker.url);
      await bus.start();
      const heard: unknown[] = [];
      bus.subscribe('entrepot.progress.>', (json) => {
        heard.push(json);
        throw new Error('a listener failed');
      });
      bus.link.current()?.publish('entrepot.progress.a', '{');
      bus.publish('entrepot.progress.a', 1);
      await until('both were heard', () => heard.length === 2);
      expect(heard).toEqual([undefined, 1]);
    });

    it('stores a message once, however often it is published under one id', async () => {
      const bus = aBus(broker.url, true);
      await bus.start();
      await bus.ensureStreams();
      for (let n = 0; n < 3; n++) await bus.publishDurable('entrepot.fact.tag.moved', { n }, 'the same');
      const { state } = await (await bus.manager()).streams.info('ENTREPOT_FACTS');
      expect(state.messages).toBe(1);
    });

    it('listens again after the server was killed, and sends nothing late that was published meanwhile', async () => {
      const bus = aBus(broker.url);
      await bus.start();
      const heard: unknown[] = [];
      bus.subscribe('entrepot.progress.>', (json) => void heard.push(json));
      await broker.kill();
      await until('it says that NATS is away', () => !bus.state().connected);
      expect(bus.state()).toMatchObject({ server: null, fault: expect.any(String) });
      const late: unknown[] = [];
      bus.subscribe('entrepot.progress.>', (json) => void late.push(json));
      for (let n = 0; n < 100; n++) bus.publish('entrepot.progress.a', 'lost');
      await expect(bus.publishDurable('entrepot.fact.tag.moved', {}, 'x')).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      await broker.restart();
      await until('it is back', () => bus.state().connected);
      bus.publish('entrepot.progress.a', 'heard');
      await until('both heard it', () => heard.length > 0 && late.length > 0);
      expect([heard, late]).toEqual([['heard'], ['heard']]);
    });

    it('does not say the password when the server refuses it', async () => {
      const bus = aBus(broker.url.replace(/:[^:@]+@/, ':a-wrong-secret@'));
      await bus.start();
      expect(bus.state().connected).toBe(false);
      expect(bus.state().fault).toMatch(/authorization/i);
      expect(bus.state().fault).not.toContain('a-wrong-secret');
    });

    it('says while it is connected that a stream cannot be made, until it can', async () => {
      const bus = aBus(broker.url, true);
      await bus.start();
      await bus.ensureStreams();
      const manager = await bus.manager();
      await manager.streams.delete('ENTREPOT_FACTS');
      await manager.streams.add({ name: 'OTHER', subjects: ['entrepot.fact.>'] });
      await expect(bus.ensureStreams()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(bus.state()).toMatchObject({ connected: true, fault: expect.stringMatching(/streams.*overlap/) });
      await manager.streams.delete('OTHER');
      await bus.ensureStreams();
      expect(bus.state()).toMatchObject({ connected: true, fault: null });
    });

    it('brings a stream that somebody changed back to what it must be', async () => {
      const bus = aBus(broker.url, true);
      await bus.start();
      await bus.ensureStreams();
      const manager = await bus.manager();
      await manager.streams.update('ENTREPOT_REQUESTS', { max_bytes: 1_000_000, duplicate_window: 60_000_000_000 });
      await bus.ensureStreams();
      const { config } = await manager.streams.info('ENTREPOT_REQUESTS');
      expect(config).toMatchObject({ max_bytes: 256 * 1024 * 1024, duplicate_window: 100_000_000, discard: 'new' });
    });
  });

  it('starts while NATS is away, and works when it comes', async () => {
    const port = await freePort();
    const bus = aBus(`nats://127.0.0.1:${port}`);
    await bus.start();
    const heard: unknown[] = [];
    bus.subscribe('a', (json) => void heard.push(json));
    bus.publish('a', 'lost');
    expect(bus.state()).toMatchObject({ connected: false, fault: expect.any(String) });
    const server = await fakeServer('2.15.1', port);
    await until('it is connected', () => bus.state().connected);
    server.say('MSG a 1 3\r\n"x"\r\n');
    await until('it heard', () => heard.length === 1);
    await server.stop();
  });

  it('ends at once although NATS never came', async () => {
    const bus = aBus(`nats://127.0.0.1:${await freePort()}`);
    await bus.start();
    await bus.drain();
    expect(bus.state().connected).toBe(false);
  });

  it.each(['2.9.10', '2.12.5', '2.11.0-beta.1'])(
    'refuses a server of version %j at start, with the remedy',
    async (version) => {
      const server = await fakeServer(version);
      const bus = aBus(`nats://user:secret@127.0.0.1:${server.port}`);
      const fault = await bus.start().catch((error: unknown) => error);
      expect(fault).toBeInstanceOf(StartFault);
      expect((fault as StartFault).message).toMatch(/Entrepot needs 2\.12\.6 or later.*Upgrade/);
      expect((fault as StartFault).message).not.toContain('secret');
      expect(bus.state().connected).toBe(false);
      await server.stop();
    },
  );

  it('does not use an older server that took the place of the first one', async () => {
    const first = await fakeServer('2.12.6');
    const bus = aBus(`nats://127.0.0.1:${first.port}`);
    await bus.start();
    expect(bus.state()).toEqual({ connected: true, server: '2.12.6', fault: null });
    await first.stop();
    const second = await fakeServer('2.10.0', first.port);
    await until('it says why', () => bus.state().fault?.includes('2.12.6'));
    expect(bus.state().connected).toBe(false);
    await second.stop();
  });
});

/** Speaks just enough of the protocol for a client to believe that it is connected. */
function fakeServer(version: string, port = 0) {
  const info = { server_id: 'X', version, proto: 1, max_payload: 1_048_576, headers: true };
  return TcpServer.start((socket) => {
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('data', (data) => {
      for (const _ of data.toString().matchAll(/^PING\r$/gm)) socket.write('PONG\r\n');
    });
  }, port);
}
