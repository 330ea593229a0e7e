import { trustsRealm } from './trusts-realm';
import type { ConfiguredUpstream } from './upstream-file';
import { Upstreams } from './upstreams';

const ENTRY: ConfiguredUpstream = { plainHttp: false, tokenHosts: [], storageHosts: [] };

function trusts(domain: string, realm: string, entry: Partial<ConfiguredUpstream> = {}): boolean {
  const configured = new Map([[domain, { ...ENTRY, ...entry }]]);
  const upstream = new Upstreams({ configured, ownHosts: [], loopbackAllowed: false }).find(domain);
  return trustsRealm(upstream, new URL(realm));
}

it.each([
  ['docker.io', 'https://auth.docker.io/token'],
  ['ghcr.io', 'https://ghcr.io/token'],
  ['registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
  ['registry.example.co.uk', 'https://auth.example.co.uk/token'],
  ['10.0.0.5:5000', 'https://10.0.0.5:5001/token'],
  ['team.azurecr.io', 'https://team.azurecr.io/oauth2/token'],
])('the credential of %s may go to %s', (domain, realm) => {
  expect(trusts(domain, realm)).toBe(true);
});

it.each([
  ['docker.io', 'https://auth.docker.io.evil.test/token'],
  ['docker.io', 'https://evildocker.io/token'],
  ['docker.io', 'http://auth.docker.io/token'],
  ['docker.io', 'https://user:word@auth.docker.io/token'],
  ['registry.example.co.uk', 'https://evil.co.uk/token'],
  ['team.azurecr.io', 'https://evil.azurecr.io/token'],
  ['team.github.io', 'https://evil.github.io/token'],
  ['10.0.0.5:5000', 'https://10.0.0.6/token'],
  ['10.0.0.5:5000', 'https://9.0.0.5/token'],
  ['registry.lan', 'https://localhost/token'],
])('the credential of %s never goes to %s', (domain, realm) => {
  expect(trusts(domain, realm)).toBe(false);
});

it('a realm that the configuration names is trusted, with its port, and over TLS', () => {
  const entry = { tokenHosts: ['sso.other.test:8443'] };
  expect(trusts('registry.example.test', 'https://sso.other.test:8443/token', entry)).toBe(true);
  expect(trusts('registry.example.test', 'https://sso.other.test/token', entry)).toBe(false);
  expect(trusts('registry.example.test', 'http://sso.other.test:8443/token', entry)).toBe(false);
});

it('an upstream without TLS may have a realm without', () => {
  expect(trusts('registry.lan:5000', 'http://registry.lan:5001/token', { plainHttp: true })).toBe(true);
});
