import { FACT_STREAM } from '#contracts/facts';
import { REQUEST_STREAM } from '#contracts/requests';
import { TestBroker } from './broker.testing';
import { Bus } from './bus';
import { ensureConsumer } from './ensure-consumer';
import { DEAD_STREAM, OUTCOME_STREAM, STREAMS } from './streams';

describe('the check of streams', () => {
  let broker: TestBroker;
  let bus: Bus;
  beforeAll(async () => {
    broker = await TestBroker.start();
    bus = new Bus({ url: broker.url, name: 'spec', keepsStreams: true });
    await bus.start();
  });
  beforeEach(async () => {
    await bus.ensureStreams();
    await ensureConsumer(await bus.manager(), REQUEST_STREAM, { durable_name: 'intake', ack_policy: 'explicit' });
  });
  afterAll(async () => {
    await bus?.drain();
    await broker?.stop();
  });

  it('finds nothing in what this program made', async () => {
    expect(await bus.checkStreams()).toEqual([]);
  });

  it.each(STREAMS.map(({ name }) => name))('finds that %s is not there; made again, it is', async (name) => {
    await (await bus.manager()).streams.delete(name);
    expect(await bus.checkStreams()).toEqual([`${name} is not there`]);
    await bus.ensureStreams();
    expect((await bus.checkStreams()).filter((line) => line.includes('is not there'))).toEqual([]);
  });

  it.each<[string, object, string]>([
    [FACT_STREAM, { max_bytes: 1024 }, `${FACT_STREAM} has max_bytes 1024, and should have 268435456`],
    [DEAD_STREAM, { max_age: 3_600_000_000_000 }, `${DEAD_STREAM} has max_age 3600000000000, and should have`],
    [OUTCOME_STREAM, { max_msgs_per_subject: 7 }, `${OUTCOME_STREAM} has max_msgs_per_subject 7, and should have 1`],
    [REQUEST_STREAM, { discard: 'old' }, `${REQUEST_STREAM} has discard "old", and should have "new"`],
  ])('finds that %s is another one; mended, it is as before', async (name, change, line) => {
    await (await bus.manager()).streams.update(name, change);
    expect(await bus.checkStreams()).toEqual([expect.stringContaining(line)]);
    await bus.ensureStreams();
    expect(await bus.checkStreams()).toEqual([]);
  });

  it('finds that nobody takes requests in', async () => {
    await (await bus.manager()).consumers.delete(REQUEST_STREAM, 'intake');
    expect(await bus.checkStreams()).toEqual([`${REQUEST_STREAM} has no consumer: nobody takes requests in`]);
  });

  it('says that there is no bus, not that nothing is there', async () => {
    const away = new Bus({ url: 'nats://127.0.0.1:1', name: 'spec' });
    await expect(away.checkStreams()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
