import { FireSchedules } from '#contracts/calls/schedules';
import { unavailable } from '#oci/registry-error';
import { FakeCalls } from '#testing/fake-calls';
import { waitUntil } from '#testing/wait-until';
import { ScheduleHandler } from './schedule.handler';

const DAY_MS = 86_400_000;

describe('schedules', () => {
  let calls: FakeCalls;
  let handlers: ScheduleHandler[];

  const begin = (sweepMs = DAY_MS) => {
    const settings = { ENTREPOT_GC_SWEEP_MS: sweepMs, ENTREPOT_GC_BATCH: 1, ENTREPOT_GC_PER_SECOND: 1 };
    const handler = new ScheduleHandler(calls, settings);
    handlers.push(handler);
    handler.onApplicationBootstrap();
    return handler;
  };
  const looks = () => calls.questions(FireSchedules).length;
  const nothingDue = { fired: 0, nextInMs: null };

  beforeEach(() => {
    handlers = [];
    calls = new FakeCalls().on(FireSchedules, () => nothingDue);
  });
  afterEach(() => Promise.all(handlers.map((handler) => handler.onModuleDestroy())));

  it('are looked at when the program begins: what was due while it was away is done then', async () => {
    begin();
    await waitUntil('the look', () => looks() === 1);
  });

  it('are looked at again at once where some were due: there may be more than one look takes', async () => {
    const found = [20, 20, 3];
    calls.on(FireSchedules, () => ({ fired: found.shift() ?? 0, nextInMs: DAY_MS }));
    begin();
    await waitUntil('the look that finds none', () => looks() === 4);
  });

  it('are looked at when the next one is due, by what Postgres says: this clock is asked nothing', async () => {
    jest.useFakeTimers({ now: new Date('1999-12-31T00:00:00Z') });
    try {
      const answers = [{ fired: 0, nextInMs: 60_000 }, nothingDue];
      calls.on(FireSchedules, () => answers.shift() ?? nothingDue);
      begin();
      await jest.advanceTimersByTimeAsync(59_999);
      expect(looks()).toBe(1);
      await jest.advanceTimersByTimeAsync(1);
      expect(looks()).toBe(2);
      await jest.advanceTimersByTimeAsync(DAY_MS - 1);
      expect(looks()).toBe(2);
      await jest.advanceTimersByTimeAsync(1);
      expect(looks()).toBe(3);
    } finally {
      jest.useRealTimers();
    }
  });

  it('are looked at by every replica, each for itself: whose time it is says who accepts it', async () => {
    begin();
    begin();
    await waitUntil('both look', () => looks() === 2);
  });

  it('are looked at again after a look that failed', async () => {
    let isAway = true;
    calls.on(FireSchedules, () => {
      if (isAway) throw unavailable('metadata');
      return nothingDue;
    });
    begin(10);
    await waitUntil('the look that fails', () => looks() >= 1);
    isAway = false;
    const before = looks();
    await waitUntil('the look after', () => looks() > before);
  });

  it('are looked at no more once it ends', async () => {
    calls.on(FireSchedules, () => ({ fired: 0, nextInMs: 1 }));
    const handler = begin();
    await waitUntil('some looks', () => looks() >= 3);
    await handler.onModuleDestroy();
    const before = looks();
    await new Promise((resolve) => setImmediate(resolve));
    expect(looks()).toBe(before);
  });
});
