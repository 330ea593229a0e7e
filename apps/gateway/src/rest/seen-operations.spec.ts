import type { Operation } from '#contracts/operation';
import { SeenOperations } from './seen-operations';

const operation = (id: string, more: Partial<Operation> = {}) =>
  ({ id, endedAt: null, bytesDone: 0, ...more }) as Operation;
const over = { endedAt: '2026-01-01T00:00:00.000Z' };
const ids = (operations: readonly Operation[]) => operations.map(({ id }) => id);

describe('what a watcher has seen', () => {
  test('is news once, until it changes', () => {
    const seen = new SeenOperations();
    const [a, b] = [operation('a'), operation('b')];
    expect(ids(seen.takeNews([a, b]))).toEqual(['a', 'b']);
    expect(seen.takeNews([a, b])).toEqual([]);
    expect(ids(seen.takeNews([a, operation('b', { bytesDone: 1 })]))).toEqual(['b']);
  });

  test('is remembered while it runs, also where nobody speaks of it for a while', () => {
    const seen = new SeenOperations();
    seen.takeNews([operation('a')]);
    seen.takeNews([]);
    expect(seen.takeNews([operation('a')])).toEqual([]);
  });

  test('is forgotten once it has ended and is not looked at any more', () => {
    const seen = new SeenOperations();
    seen.takeNews([operation('a', over), operation('b')]);
    expect(seen.takeNews([operation('a', over)])).toEqual([]);
    expect(seen.size).toBe(2);
    seen.takeNews([operation('b')]);
    expect(seen.size).toBe(1);
  });

  test('is bounded however many run, and what is looked at stays', () => {
    const seen = new SeenOperations();
    const page = Array.from({ length: 1000 }, (_, at) => operation(`page ${at}`));
    seen.takeNews(page);
    for (let at = 0; at < 5000; at += 1) {
      const news = seen.takeNews([...page.slice(0, 10), operation(`other ${at}`)]);
      expect(ids(news)).toEqual([`other ${at}`]);
    }
    expect(seen.size).toBe(2000);
    expect(seen.takeNews(page.slice(0, 10))).toEqual([]);
  });

  test('holds hashes, not what was said', () => {
    const seen = new SeenOperations();
    seen.takeNews([operation('a', { body: { reference: 'x'.repeat(100_000) } })]);
    expect(
      JSON.stringify(Object.values(seen).map((held) => (held instanceof Map ? [...held] : held))).length,
    ).toBeLessThan(200);
  });
});
