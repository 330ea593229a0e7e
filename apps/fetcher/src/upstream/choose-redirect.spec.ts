import { chooseRedirect } from './choose-redirect';
import { Upstreams } from './upstreams';

const upstream = new Upstreams({ configured: new Map(), ownHosts: [], loopbackAllowed: false }).find('registry.test');
const choose = (location: string | undefined, ...seen: string[]) =>
  chooseRedirect(
    upstream,
    seen.map((url) => new URL(url)),
    location,
  ).href;
const FIRST = 'https://registry.test/v2/a/blobs/x';

it('a redirect may be relative, and may leave for another host', () => {
  expect(choose('/y?z=1#part', FIRST)).toBe('https://registry.test/y?z=1');
  expect(choose('https://cdn.test/y', FIRST)).toBe('https://cdn.test/y');
  expect(choose('https://cdn.test/y', 'http://registry.test/v2/')).toBe('https://cdn.test/y');
});

it('TLS is never left', () => {
  expect(() => choose('http://cdn.test/y', FIRST)).toThrow('it redirects from https to http at cdn.test');
  expect(() => choose('http://cdn.test/y', 'http://registry.test/', 'https://registry.test/')).toThrow(
    'from https to http',
  );
});

it('a circle is seen at once, a long way after five', () => {
  expect(() => choose(FIRST, FIRST)).toThrow('circle');
  const seen = [FIRST, ...[1, 2, 3, 4].map((at) => `https://cdn.test/${at}`)];
  expect(choose('https://cdn.test/5', ...seen)).toBe('https://cdn.test/5');
  expect(() => choose('https://cdn.test/6', ...seen, 'https://cdn.test/5')).toThrow('more than 5 times');
});

it.each([
  undefined,
  'file:///etc/passwd',
  'ftp://cdn.test/',
  'https://user:word@cdn.test/',
  'http://[',
  'javascript:alert(1)',
])('a redirect to %j is refused', (location) => {
  expect(() => choose(location, FIRST)).toThrow(/no readable address|no plain http/);
});
