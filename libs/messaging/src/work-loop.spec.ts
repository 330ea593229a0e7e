import { EventEmitter, once } from 'node:events';
import { type Found, WorkLoop } from './work-loop';

/** A loop whose looks are answered one by one, and can be waited for. */
function watched(answers: Array<Found | Error>, sweepMs = 60_000) {
  const looks = new EventEmitter();
  let count = 0;
  const loop = new WorkLoop('test', sweepMs, async () => {
    const answer = answers[count] ?? { nextInMs: null };
    count += 1;
    looks.emit(`look ${count}`);
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return { loop, seen: (which: number) => once(looks, `look ${which}`), count: () => count };
}

test('looks again at once while there is more', async () => {
  const { loop, seen } = watched(['more', 'more', { nextInMs: null }]);
  const third = seen(3);
  loop.start();
  await third;
  await loop.stop();
});

test('looks when something falls due, without being woken', async () => {
  const { loop, seen } = watched([{ nextInMs: 5 }]);
  const second = seen(2);
  loop.start();
  await second;
  await loop.stop();
});

test('a wake during a look is not lost', async () => {
  const { loop, seen } = watched([]);
  const first = seen(1);
  const second = seen(2);
  loop.start();
  await first;
  loop.wake();
  await second;
  await loop.stop();
});

test('a look that fails is repeated at the next sweep', async () => {
  const { loop, seen } = watched([new Error('away')], 5);
  const second = seen(2);
  loop.start();
  await second;
  await loop.stop();
});

test('does not look after it was stopped', async () => {
  const { loop, seen, count } = watched([]);
  const first = seen(1);
  loop.start();
  await first;
  await loop.stop();
  const before = count();
  loop.wake();
  await new Promise((resolve) => setImmediate(resolve));
  expect(count()).toBe(before);
});
