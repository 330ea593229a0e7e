import { TestBroker } from './broker.testing';
import { Bus } from './bus';
import { FactLog } from './fact-log';

describe('the log of facts', () => {
  let broker: TestBroker;
  let bus: Bus;
  let log: FactLog;
  beforeAll(async () => {
    broker = await TestBroker.start();
    bus = new Bus({ url: broker.url, name: 'spec', keepsStreams: true });
    await bus.start();
    await bus.ensureStreams();
    log = new FactLog(bus);
  });
  afterAll(async () => {
    await bus?.drain();
    await broker?.stop();
  });

  const publish = (n: number) =>
    bus.publishDurable('entrepot.fact.tag.moved', { data: { repository: 'team/app', n } }, `id-${n}`);

  it('of a new stream is empty', async () => {
    const stream = expect.stringMatching(/^[0-9a-z]+$/);
    expect(await log.bounds()).toEqual({ stream, first: 1, last: 0, firstAt: null, lastAt: null });
    expect(await log.read(0, 10)).toEqual([]);
  });

  it('is read in order, from any of them on', async () => {
    for (let n = 1; n <= 5; n++) await publish(n);
    expect(await log.bounds()).toMatchObject({ first: 1, last: 5 });
    expect((await log.read(0, 3)).map(({ sequence, data }) => [sequence, data.n])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect((await log.read(3, 10)).map(({ sequence }) => sequence)).toEqual([4, 5]);
    expect(await log.read(5, 10)).toEqual([]);
    expect(await log.read(500, 10)).toEqual([]);
  });

  it('says where a moment is in it', async () => {
    const [third] = await log.read(2, 1);
    expect(await log.firstSince(third!.at)).toBeLessThanOrEqual(3);
    const { lastAt } = await log.bounds();
    expect(await log.firstSince(lastAt! + 1)).toBeNull();
  });

  it('begins with the oldest that is kept', async () => {
    await (await bus.manager()).streams.purge('ENTREPOT_FACTS', { seq: 4 });
    expect((await log.read(0, 10)).map(({ sequence }) => sequence)).toEqual([4, 5]);
  });

  it('has what is no fact on one line too', async () => {
    const { sequence } = (await log.read(0, 10)).at(-1)!;
    await bus.store('entrepot.fact.odd.one', 'no JSON\nof two lines', 'odd-1');
    await bus.store('entrepot.fact.odd.one', '{\n"data": 7 }', 'odd-2');
    expect((await log.read(sequence, 10)).map(({ text, data }) => ({ text, data }))).toEqual([
      { text: '"no JSON\\nof two lines"', data: {} },
      { text: '{"data":7}', data: {} },
    ]);
  });

  it('is another one after its store was wiped', async () => {
    const { stream } = await log.bounds();
    await (await bus.manager()).streams.delete('ENTREPOT_FACTS');
    await expect(log.bounds()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await bus.ensureStreams();
    expect((await log.bounds()).stream).not.toBe(stream);
  });
});
