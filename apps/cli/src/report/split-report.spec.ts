import { MOST_REPORTED, type ReportedContainer } from '#contracts/bodies/container-report';
import { partName, splitReport } from './split-report';

const container = (at: number): ReportedContainer => ({
  ...{ id: `c${at}`, name: `n${at}`, image: 'node:20', state: 'running', labels: {} },
});
const many = (count: number) => Array.from({ length: count }, (_, at) => container(at));
const ids = (parts: readonly (readonly ReportedContainer[])[]) =>
  parts.map((part) => new Set(part.map(({ id }) => id)));

describe('a set in parts', () => {
  it('is one part while it fits', () => {
    expect(splitReport(many(100), { least: 1, mostBytes: 1e6 })).toEqual([many(100)]);
    expect(splitReport([], { least: 1, mostBytes: 1e6 })).toEqual([[]]);
  });

  it('is as many as its bytes, or its number, need; each container in one', () => {
    const byBytes = splitReport(many(1000), { least: 1, mostBytes: 20_000 });
    expect(byBytes.length).toBeGreaterThan(1);
    for (const part of byBytes) expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(20_001);
    const byNumber = splitReport(many(MOST_REPORTED + 1), { least: 1, mostBytes: 1e9 });
    for (const parts of [byBytes, byNumber]) {
      const all = parts.flat().map(({ id }) => id);
      expect(new Set(all).size).toBe(all.length);
    }
    expect(byNumber.flat()).toHaveLength(MOST_REPORTED + 1);
  });

  it('keeps each where it was, or puts it into a part that was not there before', () => {
    const few = ids(splitReport(many(500), { least: 2, mostBytes: 1e6 }));
    const more = ids(splitReport(many(500), { least: 4, mostBytes: 1e6 }));
    for (const [part, set] of few.entries())
      for (const id of set) expect(more[part]!.has(id) || more[part + 2]!.has(id)).toBe(true);
  });

  it('is never fewer than it was', () => {
    expect(splitReport(many(3), { least: 4, mostBytes: 1e6 })).toHaveLength(4);
  });

  it('that no number of parts makes fit is refused', () => {
    expect(() => splitReport(many(1000), { least: 1, mostBytes: 100 })).toThrow('report by several');
  });

  it('has the reporter’s name, and its own number', () => {
    expect([0, 1, 63].map((part) => partName('prod', part))).toEqual(['prod', 'prod.1', 'prod.63']);
  });
});
