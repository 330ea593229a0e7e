import { BoundedCache } from './bounded-cache';

describe('what was used lately', () => {
  test('the oldest goes when the weight is too much; using is keeping', () => {
    const cache = new BoundedCache<string>(10);
    cache.set('a', 'A', 4);
    cache.set('b', 'B', 4);
    cache.get('a');
    cache.set('c', 'C', 4);
    expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual(['A', undefined, 'C']);
    expect(cache.weight).toBe(8);
  });

  test('what is too heavy is not kept, and ends what was there', () => {
    const cache = new BoundedCache<string>(10);
    cache.set('a', 'A', 4);
    cache.set('a', 'AA', 11);
    expect([cache.get('a'), cache.weight]).toEqual([undefined, 0]);
  });
});
