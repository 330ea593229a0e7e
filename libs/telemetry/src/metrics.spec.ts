import { counter, describeMetrics, gauge, histogram, metricsText, readWhenLooked } from './metrics';

const plain = gauge('test_plain', 'A figure without labels');
const labelled = gauge('test_labelled', 'A figure with a label', ['kind']);
const figures = (text: string) => text.split('\n').filter((line) => line.startsWith('test_'));

test('what is read when somebody looks is left out, and said to be away, where it does not answer', async () => {
  let answers = true;
  const forget = readWhenLooked('shelf', [plain, labelled], () => {
    if (!answers) throw new Error('away');
    plain.set(0);
    labelled.set({ kind: 'a' }, 2);
  });
  const here = await metricsText(10_000);
  expect(figures(here)).toEqual(['test_plain 0', 'test_labelled{kind="a"} 2']);
  expect(here).toContain('entrepot_scrape_source_up{source="shelf"} 1');
  answers = false;
  const away = await metricsText(20_000);
  expect(figures(away)).toEqual([]);
  expect(away).toContain('entrepot_scrape_source_up{source="shelf"} 0');
  forget();
  expect(await metricsText(30_000)).not.toContain('shelf');
});

test('what answers late is of then, and is shown neither when it comes nor over what is read after it', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick'] });
  try {
    let answer = (_: number) => {};
    const read = jest.fn(
      () =>
        new Promise<void>((resolve) => {
          answer = (value) => {
            plain.set(value);
            resolve();
          };
        }),
    );
    const forget = readWhenLooked('shelf', [plain], read);
    const look = async (now: number) => {
      const text = metricsText(now);
      await jest.advanceTimersByTimeAsync(3_000);
      return figures(await text);
    };
    expect(await look(110_000)).toEqual([]);
    expect(await look(120_000)).toEqual([]);
    expect(read).toHaveBeenCalledTimes(1);
    answer(7);
    await jest.advanceTimersByTimeAsync(0);
    expect(figures(await metricsText(120_001))).toEqual([]);
    const next = metricsText(130_000);
    answer(8);
    expect(figures(await next)).toEqual(['test_plain 8']);
    forget();
  } finally {
    jest.useRealTimers();
  }
});

test('those who look at the same time cost one read', async () => {
  const read = jest.fn();
  const forget = readWhenLooked('shelf', [], read);
  await Promise.all([metricsText(40_000), metricsText(40_001), metricsText(40_900)]);
  expect(read).toHaveBeenCalledTimes(1);
  await metricsText(41_000);
  expect(read).toHaveBeenCalledTimes(2);
  forget();
});

test('every figure that is defined describes itself', () => {
  counter('test_things_total', 'Things', ['kind']);
  histogram('test_seconds', 'Times');
  expect(describeMetrics()).toEqual(
    expect.arrayContaining([
      { name: 'test_things_total', type: 'counter', help: 'Things', labels: ['kind'] },
      { name: 'test_seconds', type: 'histogram', help: 'Times', labels: [] },
      { name: 'test_plain', type: 'gauge', help: 'A figure without labels', labels: [] },
    ]),
  );
});
