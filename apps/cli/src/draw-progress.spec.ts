import { drawProgress } from './draw-progress';
import { RateMeter } from './rate-meter';
import { digestOf, sampleOperation } from './sample-answers.testing';

const layer = (name: string, state: string, done: number, size: number) => ({
  digest: digestOf(name),
  state,
  done,
  size,
});
const short = (name: string) => digestOf(name).slice(7, 19);

describe('progress', () => {
  const operation = sampleOperation({
    state: 'running',
    bytesDone: 50_000_000,
    bytesTotal: 100_000_000,
    layers: [
      layer('held', 'held', 10, 10),
      layer('waits', 'waiting', 0, 5_000_000),
      layer('runs', 'filling', 20_000_000, 40_000_000),
    ],
  });
  const rates = { whole: 10_000_000, layers: new Map([[digestOf('runs'), 5_000_000]]) };

  it('is bytes, rate and time left, of the whole and of each layer that moves', () => {
    expect(drawProgress(operation, rates, 120, 24)).toEqual([
      'pull alpine:3: 1 of 3 blobs, 50.0 MB of 100 MB, 10.0 MB/s, 5 s left',
      `  ${short('runs')}  [==========          ]  20.0 MB of 40.0 MB, 5.00 MB/s, 4 s left`,
      `  ${short('waits')}  waiting, 5.00 MB`,
    ]);
  });

  it('says no rate that it does not know, and no time of what stands still', () => {
    const [whole, runs] = drawProgress(
      operation,
      { whole: undefined, layers: new Map([[digestOf('runs'), 0]]) },
      120,
      24,
    );
    expect(whole).toBe('pull alpine:3: 1 of 3 blobs, 50.0 MB of 100 MB');
    expect(runs).toMatch(/40.0 MB, waiting$/);
  });

  it('fits the terminal: no line wraps, and none scrolls away', () => {
    const many = Array.from({ length: 50 }, (_, at) => layer(`l${at}`, 'waiting', 0, 10));
    const lines = drawProgress({ ...operation, layers: many } as typeof operation, rates, 30, 10);
    expect(lines).toHaveLength(8);
    expect(lines.at(-1)).toBe('  … and 44 more');
    for (const line of lines) expect(line.length).toBeLessThan(30);
  });

  it('before anything is known is its state', () => {
    expect(drawProgress(sampleOperation(), rates, 80, 24)).toEqual(['pull alpine:3: accepted']);
  });

  it('the rate is that of the last seconds', () => {
    const meter = new RateMeter();
    expect(meter.rate(0)).toBeUndefined();
    for (let at = 0; at <= 20_000; at += 1000) meter.see(at, at < 10_000 ? 0 : (at - 10_000) * 100);
    expect(meter.rate(20_000)).toBeCloseTo(100_000, -4);
    expect(meter.rate(40_000)).toBeLessThan(30_000);
  });
});
