import { Logger } from '@nestjs/common';
import { waitUntil } from '#testing/wait-until';
import { type Claimed, Leases, type Renew } from './leases';

const log = new Logger('spec');
const works = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => ({ id: `id-${from + n}`, epoch: 1 }));

describe('leases', () => {
  let leases: Leases<Claimed>;
  let held: Claimed[];
  let asked: Claimed[][];
  beforeEach(() => {
    asked = [];
    jest.spyOn(log, 'warn').mockImplementation(() => {});
  });
  afterEach(() => {
    for (const work of held) leases.release(work);
    jest.restoreAllMocks();
  });

  function hold(count: number, renew: (batch: Claimed[]) => ReturnType<Renew>): AbortSignal[] {
    leases = new Leases<Claimed>(
      'fill',
      log,
      (batch) => {
        asked.push(batch);
        return renew(batch);
      },
      5,
    );
    held = works(count);
    return held.map((work) => leases.hold(work));
  }
  const kept = async () => ({ lost: [], cancelled: [] });

  it('however many are renewed by few questions, each of them as many as one question may hold', async () => {
    hold(150, kept);
    await waitUntil('one round', () => asked.length >= 3);
    const round = asked.slice(0, 3);
    expect(round.map(({ length }) => length)).toEqual([64, 64, 22]);
    expect(new Set(round.flat().map(({ id }) => id)).size).toBe(150);
  });

  it('that are lost or called off stop, with the reason, in whichever batch they are', async () => {
    const signals = hold(100, async (batch) => ({
      lost: batch.filter(({ id }) => id === 'id-1').map(({ id }) => id),
      cancelled: batch.filter(({ id }) => id === 'id-99').map(({ id }) => id),
    }));
    await waitUntil('both', () => signals.filter(({ aborted }) => aborted).length === 2);
    expect([signals[1]?.reason, signals[99]?.reason]).toEqual(['lost', 'cancelled']);
  });

  it('go on where a question is not answered, and so do the others', async () => {
    const signals = hold(100, async (batch) => {
      if (batch.some(({ id }) => id === 'id-0')) throw new Error('away');
      return { lost: batch.map(({ id }) => id), cancelled: [] };
    });
    await waitUntil('the other batch', () => signals.filter(({ aborted }) => aborted).length === 36);
    expect(signals[0]?.aborted).toBe(false);
  });
});
