import type { JsMsg } from '@nats-io/jetstream';
import { Controller, type INestMicroservice, UseFilters } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { unavailable } from '#oci/registry-error';
import { TestBroker, until } from './broker.testing';
import { Bus } from './bus';
import { DeadLetters } from './dead-letters';
import { Delivery } from './delivery';
import { JETSTREAM, JetStreamStrategy } from './jetstream.strategy';
import { PoisonMessage } from './poison-message';
import { RethrowFilter } from './rethrow.filter';

interface Seen {
  readonly text: string;
  readonly delivery: Delivery;
}

const seen: Seen[] = [];
let answer: (seen: Seen) => Promise<void> | void = () => undefined;

@Controller()
@UseFilters(RethrowFilter)
class Requests {
  @EventPattern<string>('entrepot.request.>', JETSTREAM)
  async take(@Payload() bytes: Uint8Array, @Ctx() delivery: Delivery): Promise<void> {
    const one = { text: Buffer.from(bytes).toString(), delivery };
    seen.push(one);
    await answer(one);
  }
}

const patience = { deliveries: 3, firstDelayMs: 20, longestDelayMs: 200 };

describe('the JetStream transport', () => {
  let broker: TestBroker;
  let bus: Bus;
  let app: INestMicroservice;

  const startApp = async (ackWaitMs = 1_000) => {
    const module = await Test.createTestingModule({ controllers: [Requests] }).compile();
    const strategy = new JetStreamStrategy({ bus, service: 'spec', ackWaitMs, atOnce: 4, patience });
    const made = module.createNestMicroservice({ strategy });
    await made.listen();
    return made;
  };
  const texts = () => seen.map(({ text }) => text);
  const send = (text: string, id: string) => bus.store('entrepot.request.pull', text, id);
  const pending = async () =>
    (
      await bus
        .manager()
        .then((manager) => manager.streams.info('ENTREPOT_REQUESTS'))
        .catch(() => undefined)
    )?.state.messages;
  const consumer = async () => (await bus.manager()).consumers.info('ENTREPOT_REQUESTS', 'spec-entrepot-request-all');

  beforeAll(async () => {
    broker = await TestBroker.start();
    bus = new Bus({ url: broker.url, name: 'spec', keepsStreams: true });
    await bus.start();
    await bus.ensureStreams();
    app = await startApp();
  });
  beforeEach(() => {
    seen.length = 0;
    answer = () => undefined;
  });
  afterAll(async () => {
    await app.close();
    await bus.drain();
    await broker.stop();
  });

  it('outlives a connection that closes while it says that a message is worked on, or gives one back', async () => {
    const closed = () => {
      throw new Error('closed connection');
    };
    let tried = 0;
    answer = async ({ delivery }) => {
      tried += 1;
      if (tried > 1) return;
      const message = (delivery.getArgs() as unknown as [JsMsg])[0];
      const working = jest.spyOn(message, 'working').mockImplementation(closed);
      jest.spyOn(message, 'nak').mockImplementation(closed);
      await until('it is said once', () => working.mock.calls.length > 0);
      throw unavailable('the spec');
    };
    await send('slow', 'closes');
    await until('it comes again', () => tried > 1);
    await until('it is done', async () => (await pending()) === 0);
  }, 30_000);

  it('hands a message to its handler and forgets it once that succeeded', async () => {
    await send('one', 'a1');
    await until('the message was handled and forgotten', async () => seen.length === 1 && (await pending()) === 0);
    expect(texts()).toEqual(['one']);
    expect(seen[0]?.delivery.messageId).toBe('a1');
  });

  it('delivers again what failed for a passing reason, later each time', async () => {
    answer = ({ delivery }) => {
      if (delivery.deliveries < 3) throw new Error('a passing fault');
    };
    await send('again', 'b1');
    await until('the third delivery succeeded', async () => seen.length === 3 && (await pending()) === 0);
  });

  it('never gives up while something that we need is away', async () => {
    answer = ({ delivery }) => {
      if (delivery.deliveries < 7) throw unavailable('the database');
    };
    await send('patient', 'c1');
    await until('the seventh delivery succeeded', async () => seen.length === 7 && (await pending()) === 0);
  });

  it('keeps a slow handler its message: it is not delivered to anybody else meanwhile', async () => {
    answer = () => new Promise((resolve) => setTimeout(resolve, 2_500));
    await send('slow', 'd1');
    await until('it was handled and forgotten', async () => seen.length > 0 && (await pending()) === 0);
    expect(texts()).toEqual(['slow']);
  });

  it('makes a dead letter of poison at once, and of the unexpected after enough deliveries', async () => {
    answer = ({ text }) => {
      throw text === 'poison' ? new PoisonMessage('no line\nbreaks, no €') : new Error('secret: hunter2');
    };
    await send('poison', 'e1');
    await send('unexpected', 'e2');
    const letters = new DeadLetters(bus);
    await until('both are dead', async () => (await letters.list()).length === 2 && (await pending()) === 0);
    const [poison, unexpected] = await letters.list();
    expect(poison).toMatchObject({
      subject: 'entrepot.request.pull',
      stream: 'ENTREPOT_REQUESTS',
      reason: 'no line\\u000abreaks, no \\u20ac',
      deliveries: 1,
      messageId: 'e1',
      cutFrom: null,
    });
    expect(Buffer.from(poison?.payload ?? []).toString()).toBe('poison');
    expect(unexpected).toMatchObject({ deliveries: 3, messageId: 'e2' });
    expect(unexpected?.reason).not.toContain('hunter2');
  });

  it('sends a dead letter again under its first id, and drops it', async () => {
    const letters = new DeadLetters(bus);
    const [first, second] = await letters.list();
    await letters.replay(first?.sequence ?? 0);
    await until('it came again', async () => seen.length === 1 && (await pending()) === 0);
    expect(seen[0]).toMatchObject({ text: 'poison' });
    expect(seen[0]?.delivery.messageId).toBe('e1');
    await letters.drop(second?.sequence ?? 0);
    expect(await letters.list()).toEqual([]);
    await expect(letters.drop(second?.sequence ?? 0)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(letters.read(first?.sequence ?? 0)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('buries even a message of the greatest size, headers that would harm the server included', async () => {
    answer = () => {
      throw new PoisonMessage('too large');
    };
    const { headers } = await import('@nats-io/transport-node');
    const own = headers();
    own.set('Nats-Expected-Stream', 'ENTREPOT_REQUESTS');
    const largest = 1_048_576 - 200;
    await bus.store('entrepot.request.pull', Buffer.alloc(largest, 'x'), 'f1', own);
    const letters = new DeadLetters(bus);
    await until('it is dead', async () => (await letters.list()).length === 1 && (await pending()) === 0);
    const [dead] = await letters.list();
    expect(dead).toMatchObject({ cutFrom: largest, headers: { 'Nats-Expected-Stream': ['ENTREPOT_REQUESTS'] } });
    await expect(letters.replay(dead?.sequence ?? 0)).rejects.toMatchObject({ code: 'CONFLICT' });
    await letters.drop(dead?.sequence ?? 0);
  });

  it('gives back what it has not begun when it closes, and waits for what it has', async () => {
    await app.close();
    app = await startApp(30_000);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    answer = () => held;
    for (let n = 0; n < 8; n++) await send(`close ${n}`, `g${n}`);
    await until('it is busy, and has pulled what it may pull beside', async () => {
      const { num_ack_pending } = await consumer();
      return seen.length === 4 && num_ack_pending === 7;
    });
    const closing = app.close();
    release();
    await closing;
    expect(seen.length).toBe(4);
    answer = () => undefined;
    app = await startApp(30_000);
    await until('all were handled', async () => new Set(texts()).size === 8 && (await pending()) === 0, 15_000);
    expect(seen.length).toBe(8);
    await app.close();
    app = await startApp();
  });

  it('brings a consumer that another version made to what it must be', async () => {
    await until('its ack wait is the new one', async () => {
      const { config } = await consumer();
      return config.ack_wait === 1_000_000_000;
    });
  });

  it('goes on after the server was killed, and delivers what was stored', async () => {
    answer = () => new Promise((resolve) => setTimeout(resolve, 100));
    for (let n = 0; n < 6; n++) await send(`kill ${n}`, `h${n}`);
    await broker.kill();
    await until('the bus says that it is away', () => !bus.state().connected);
    await expect(send('away', 'h9')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await broker.restart();
    await until('all were handled', async () => new Set(texts()).size === 6 && (await pending()) === 0);
  });

  it('makes streams and consumers anew after the store was wiped', async () => {
    await broker.kill();
    await broker.wipe();
    await broker.restart();
    await until('a message is taken', () =>
      send('after the flood', 'i1').then(
        () => true,
        () => false,
      ),
    );
    await until('it was handled', async () => seen.length === 1 && (await pending()) === 0);
  });

  it('makes them anew when somebody deleted them under a live connection', async () => {
    const manager = await bus.manager();
    await manager.streams.delete('ENTREPOT_REQUESTS');
    await send('once more', 'j1');
    await until('it was handled', async () => seen.length === 1 && (await pending()) === 0);
    await manager.consumers.delete('ENTREPOT_REQUESTS', 'spec-entrepot-request-all');
    await send('and again', 'j2');
    await until('it was handled', async () => seen.length === 2 && (await pending()) === 0);
  });
});
