import { asksBasic, bearerChallenge, parseChallenges } from './bearer-challenge';

const read = (header: string) => bearerChallenge(parseChallenges(header));

it('reads realm, service and scope, in any case and order', () => {
  expect(
    read('Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"'),
  ).toEqual({
    realm: 'https://auth.docker.io/token',
    service: 'registry.docker.io',
    scope: 'repository:a/b:pull',
  });
  expect(read('bearer SERVICE=x , Realm = "https://a/t"')).toEqual({ realm: 'https://a/t', service: 'x' });
});

it('quoted text may hold commas, equals signs and escapes', () => {
  expect(read(String.raw`Bearer realm="https://a/t?x=1,2",service="say \"hi\""`)).toEqual({
    realm: 'https://a/t?x=1,2',
    service: 'say "hi"',
  });
});

it('finds its challenge among others', () => {
  const challenges = parseChallenges('Negotiate, Basic realm="a b", Bearer realm="https://a/t"');
  expect(challenges.map(({ scheme }) => scheme)).toEqual(['negotiate', 'basic', 'bearer']);
  expect(bearerChallenge(challenges)).toEqual({ realm: 'https://a/t' });
  expect(asksBasic(challenges)).toBe(true);
});

it.each(['', 'Bearer', 'Bearer realm=', 'Bearer realm="unended', '=", ,', 'Basic realm="x"', 'Bearer service="x"'])(
  '%j asks for no token',
  (header) => {
    expect(read(header)).toBeUndefined();
  },
);

it('the first of a parameter stands', () => {
  expect(read('Bearer realm="https://a/t",realm="https://evil/t"')).toEqual({ realm: 'https://a/t' });
});

it('a long header is read in no time', () => {
  const started = performance.now();
  parseChallenges(`Bearer ${'a="\\\\'.repeat(100_000)}`);
  parseChallenges(`Bearer ${'a '.repeat(100_000)}`);
  expect(performance.now() - started).toBeLessThan(500);
});
