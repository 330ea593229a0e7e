import { MemoryBudget } from './memory-budget';

const never = new AbortController().signal;
const settled = async (promise: Promise<unknown>) => {
  let done = false;
  void promise.then(
    () => {
      done = true;
    },
    () => {},
  );
  await new Promise((resolve) => setImmediate(resolve));
  return done;
};

describe('the memory of all writers', () => {
  test('whoever wants more than is free waits until it comes back, in order', async () => {
    const budget = new MemoryBudget(100);
    await budget.take(90, never);
    const [large, small] = [budget.take(20, never), budget.take(5, never)];
    expect(await settled(large)).toBe(false);
    expect(await settled(small)).toBe(false);
    budget.give(90);
    await Promise.all([large, small]);
    expect(budget.held).toBe(25);
  });

  test('whoever stops waiting gets nothing and holds up nobody', async () => {
    const budget = new MemoryBudget(100);
    await budget.take(90, never);
    const stop = new AbortController();
    const given = budget.take(20, stop.signal);
    const other = budget.take(15, never);
    stop.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    budget.give(10);
    await other;
    await expect(budget.take(90, stop.signal)).rejects.toThrow('enough');
    expect(budget.held).toBe(95);
  });

  test('when memory is short, those who gather a share are told to send it off', async () => {
    const budget = new MemoryBudget(100);
    const shares: number[] = [];
    const stop = budget.onPressure((share) => shares.push(share));
    budget.onPressure(() => {});
    await budget.take(90, never);
    expect(shares).toEqual([]);
    void budget.take(20, never);
    expect(shares).toEqual([25]);
    stop();
    void budget.take(20, never);
    expect(shares).toEqual([25]);
  });
});
