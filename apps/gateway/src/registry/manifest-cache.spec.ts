import { ManifestCache } from './manifest-cache';

const manifest = (bytes: number) => new Uint8Array(bytes);

describe('ManifestCache', () => {
  test('holds no more bytes than it may, and lets the least recently asked go', () => {
    const cache = new ManifestCache(3 * 1512);
    for (const digest of ['a', 'b', 'c']) cache.set('r', digest, manifest(1000));
    cache.get('r', 'a');
    cache.set('r', 'd', manifest(1000));
    expect(['a', 'b', 'c', 'd'].filter((digest) => cache.get('r', digest))).toEqual(['a', 'c', 'd']);
  });

  test('what is larger than all of it is not kept, and drives nothing out', () => {
    const cache = new ManifestCache(2000);
    cache.set('r', 'small', manifest(100));
    cache.set('r', 'large', manifest(5000));
    expect(cache.get('r', 'large')).toBeUndefined();
    expect(cache.get('r', 'small')).toBeDefined();
  });

  test('a manifest of one repository is none of another', () => {
    const cache = new ManifestCache(10_000);
    cache.set('r', 'a', manifest(1));
    expect(cache.get('s', 'a')).toBeUndefined();
  });
});
