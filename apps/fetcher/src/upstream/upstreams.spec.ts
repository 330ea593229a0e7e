import type { ConfiguredUpstream } from './upstream-file';
import { reachOf, Upstreams } from './upstreams';

const ENTRY: ConfiguredUpstream = { plainHttp: false, tokenHosts: [], storageHosts: [] };

function upstreams(entries: Record<string, Partial<ConfiguredUpstream>> = {}, loopbackAllowed = false) {
  const configured = new Map(Object.entries(entries).map(([host, entry]) => [host, { ...ENTRY, ...entry }]));
  return new Upstreams({ configured, ownHosts: ['localhost:5050', 'images.team.test'], loopbackAllowed });
}

it('Docker Hub is contacted where its registry is', () => {
  expect(upstreams().find('docker.io').origin).toBe('https://registry-1.docker.io');
  expect(upstreams({ 'docker.io': {} }).find('docker.io').origin).toBe('https://registry-1.docker.io');
  expect(upstreams({ 'docker.io': { at: 'hub.lan:5000', plainHttp: true } }).find('docker.io').origin).toBe(
    'http://hub.lan:5000',
  );
});

it('TLS is spoken with everybody but those on loopback and those that are configured otherwise', () => {
  const all = upstreams({ 'plain.lan': { plainHttp: true }, '127.0.0.2:1': {} }, true);
  const origins = ['ghcr.io', 'plain.lan', '127.0.0.1:5001', 'localhost:5001', '127.0.0.2:1', '10.0.0.1:5000'];
  expect(origins.map((domain) => all.find(domain).origin)).toEqual([
    'https://ghcr.io',
    'http://plain.lan',
    'http://127.0.0.1:5001',
    'http://localhost:5001',
    'https://127.0.0.2:1',
    'https://10.0.0.1:5000',
  ]);
});

it('we are not our own upstream, by any name or by a detour', () => {
  const self = expect.objectContaining({
    code: 'INVALID',
    message: expect.stringContaining('is this registry itself'),
  });
  expect(() => upstreams().find('localhost:5050')).toThrow(self);
  expect(() => upstreams().find('Images.Team.test')).toThrow(self);
  const local = new Upstreams({ configured: new Map(), ownHosts: ['127.0.0.1:5050'], loopbackAllowed: true });
  for (const spelling of ['127.1:5050', '0x7f.1:5050', '2130706433.:5050'])
    expect(() => local.find(spelling)).toThrow(self);
  expect(() => upstreams({ 'a.test': { at: 'images.team.test' } }).find('a.test')).toThrow(self);
  expect(() => upstreams().find('images.team.test:443')).toThrow(self);
  expect(upstreams().find('images.team.test:80').origin).toBe('https://images.team.test:80');
});

it('private addresses are reached on the hosts that the configuration names, and nowhere they send us', () => {
  const configured = upstreams({ 'a.lan': { storageHosts: ['s3.lan:9000'], tokenHosts: ['sso.lan'] } }).find('a.lan');
  const reach = ['a.lan', 's3.lan', 'sso.lan', '10.0.0.1'].map((host) => reachOf(configured, host).private);
  expect(reach).toEqual([true, true, true, false]);
  expect(reachOf(upstreams().find('b.lan'), 'b.lan')).toEqual({ private: false, loopback: false });
});

it('loopback is reached without configuration by its own names, while we listen on loopback alone', () => {
  expect(reachOf(upstreams({}, true).find('127.0.0.1:5001'), '127.0.0.1').loopback).toBe(true);
  expect(reachOf(upstreams({}, false).find('127.0.0.1:5001'), '127.0.0.1').loopback).toBe(false);
  expect(reachOf(upstreams({}, true).find('evil.test'), '127.0.0.1').loopback).toBe(false);
  expect(reachOf(upstreams({}, true).find('evil.test'), 'evil.test').loopback).toBe(false);
});

it.each([
  ['registry.test:99999', /^reference is invalid: registry.test:99999 must have a port from 1 to 65535/],
  ['10.0.0.256:5000', /10.0.0.256:5000 is no host name, nor four numbers from 0 to 255/],
  ['bad host', /bad host must be a registry host/],
  ['[::1', /\[::1 is an IPv6 address, which cannot begin a repository name/],
])('%s, which cannot be contacted, is refused by what is wrong with it', (domain, message) => {
  expect(() => upstreams().find(domain)).toThrow(
    expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) }),
  );
});
