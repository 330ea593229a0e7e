import * as fc from 'fast-check';
import { parseReference } from './reference';
import { RegistryError } from './registry-error';
import { parseRepositoryName } from './repository-name';
import { brokenDomainRule, splitRepositoryName, upstreamRepositoryName } from './upstream-name';

const NONE: ReadonlySet<string> = new Set();
const CONFIGURED: ReadonlySet<string> = new Set(['registry:5000']);

describe('the name of a repository that is an upstream', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx'],
    ['ghcr.io/org/app', 'ghcr.io/org/app'],
    ['127.0.0.1:5001/library/node', '127.0.0.1_5001/library/node'],
    ['localhost/app', 'localhost/app'],
    ['localhost:5000/app', 'localhost_5000/app'],
    ['registry:5000/app', 'registry_5000/app'],
    ['xn--n3h.com:18080/foo', 'xn--n3h.com_18080/foo'],
    ['Ghcr.IO/org/app', 'ghcr.io/org/app'],
    ['DOCKER.IO/nginx', 'docker.io/library/nginx'],
    ['registry.test:443/app', 'registry.test_443/app'],
    ['1.registry2.test:65535/app', '1.registry2.test_65535/app'],
  ])('of %s is %s', (reference, name) => {
    const { domain, path } = parseReference(reference);
    expect(upstreamRepositoryName({ domain, path }, CONFIGURED)).toBe(name);
  });

  it.each([
    ['LOCALDOMAIN', 'app', /without a dot/],
    ['registry', 'app', /without a dot/],
    ['other:5000', 'app', /without a dot/],
    ['[::1]:5000', 'app', /IPv6/],
    ['[2001:DB8::1]', 'app', /IPv6/],
    ['bad_host.com', 'app', /must be a registry host/],
    ['', 'app', /must be a registry host/],
    ['../x.y', 'app', /must be a registry host/],
    ['registry.test.', 'app', /must be a registry host/],
    ['registry.test:', 'app', /must be a registry host/],
    ['127.1', 'app', /another spelling of 127.0.0.1: write that/],
    ['0x7f.1:5000', 'app', /another spelling of 127.0.0.1/],
    ['0X7F.0.0.1', 'app', /another spelling of 127.0.0.1/],
    ['0177.0.0.1', 'app', /another spelling of 127.0.0.1/],
    ['127.0.0.01', 'app', /another spelling of 127.0.0.1/],
    ['2130706433:5000', 'app', /another spelling of 127.0.0.1/],
    ['10.0.0.256', 'app', /no host name, nor four numbers from 0 to 255/],
    ['1.2.3.4.5', 'app', /no host name, nor four numbers/],
    ['registry.0', 'app', /no host name, nor four numbers/],
    ['xn--a.test', 'app', /no host name/],
    ['registry.test:05000', 'app', /a port from 1 to 65535, without leading zeros/],
    ['registry.test:0', 'app', /a port from 1 to 65535/],
    ['localhost:65536', 'app', /a port from 1 to 65535/],
    ['[::1]', 'app', /IPv6/],
    ['example.com', '../app', /must begin and end/],
    ['example.com', 'a'.repeat(250), /at most 255/],
  ])('of %s and %s there is none: %s', (domain, path, message) => {
    expect(() => upstreamRepositoryName({ domain, path }, CONFIGURED)).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('is none for another spelling of a host, be it configured', () => {
    const configured = new Set(['2130706433:5000']);
    expect(() => upstreamRepositoryName({ domain: '2130706433:5000', path: 'app' }, configured)).toThrow(/127.0.0.1/);
    expect(() => splitRepositoryName(parseRepositoryName('2130706433_5000/app'), configured)).toThrow(/127.0.0.1/);
  });

  it('is none for a dotless host that nobody configured: its name would be a local one', () => {
    expect(() => upstreamRepositoryName({ domain: 'registry:5000', path: 'app' })).toThrow(/without a dot/);
  });
});

describe('whose a repository is', () => {
  it.each([
    ['docker.io/library/nginx', 'docker.io', 'library/nginx'],
    ['docker.io/nginx', 'docker.io', 'library/nginx'],
    ['index.docker.io/nginx', 'docker.io', 'library/nginx'],
    ['127.0.0.1_5001/library/node', '127.0.0.1:5001', 'library/node'],
    ['localhost/app', 'localhost', 'app'],
    ['localhost_5000/app', 'localhost:5000', 'app'],
    ['registry_5000/app', 'registry:5000', 'app'],
    ['a.b/c', 'a.b', 'c'],
  ])('%s is of %s', (name, domain, path) => {
    expect(splitRepositoryName(parseRepositoryName(name), CONFIGURED)).toEqual({ kind: 'upstream', domain, path });
  });

  it.each([
    'app',
    'team/app',
    'docker.io',
    'localhost',
    'localhost_5000',
    'release_2024/app',
    'registry_5001/app',
    'registry/app',
    'localhost__5000/app',
    'localhost_x/app',
    'team/docker.io/app',
    '2130706433/app',
    '2130706433_5000/app',
    'release_0/app',
    'release_099999/app',
  ])('%s is local', (name) => {
    expect(splitRepositoryName(parseRepositoryName(name), CONFIGURED)).toEqual({ kind: 'local', name });
  });

  it('registry_5000/app is local unless its host is configured', () => {
    expect(splitRepositoryName(parseRepositoryName('registry_5000/app'), NONE).kind).toBe('local');
  });

  it.each(['foo_bar.com/app', 'a.b__5000/app', 'a.b_c/app', 'a.b_1_2/app'])(
    '%s is nobody: with its dot it may not be local, and it is no host',
    (name) => {
      expect(() => splitRepositoryName(parseRepositoryName(name), CONFIGURED)).toThrow(
        expect.objectContaining({ code: 'NAME_INVALID' }),
      );
    },
  );
});

it.each([
  ['127.1/app', /127.1, which its first component names, is another spelling of 127.0.0.1: write that/],
  ['127.1_5000/app', /127.1:5000, which its first component names, is another spelling of 127.0.0.1/],
  ['0x7f.0.0.1_5000/app', /another spelling/],
  ['0177.0.0.1/app', /another spelling/],
  ['10.0.0.256/app', /no host name/],
  ['v1.2/app', /no host name/],
  ['127.0.0.1_05000/app', /a port from 1 to 65535, without leading zeros/],
  ['localhost_0/app', /a port from 1 to 65535/],
  ['registry.test_65536/app', /a port from 1 to 65535/],
])('%s is nobody: a host and a port have one spelling', (name, message) => {
  expect(() => splitRepositoryName(parseRepositoryName(name), CONFIGURED)).toThrow(
    expect.objectContaining({ code: 'NAME_INVALID', message: expect.stringMatching(message) }),
  );
});

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const anyHost = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const host = anyHost.filter((name) => !/(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/.test(name) && !/(?:^|\.)xn--/.test(name));
const domains = fc
  .tuple(host, fc.option(fc.integer({ min: 1, max: 65_535 })))
  .map(([name, port]) => (port === null ? name : `${name}:${port}`));
const paths = fc.stringMatching(/^[a-z0-9]{1,5}([._-][a-z0-9]{1,5}){0,2}(\/[a-z0-9]{1,5}){0,3}$/);
const names = fc.stringMatching(/^[a-z0-9]{1,5}((\.|_|__|-)[a-z0-9]{1,5}){0,3}(\/[a-z0-9]{1,5}){0,3}$/);

describe('names there and back', () => {
  it('an upstream is given back by its name', () =>
    fc.assert(
      fc.property(fc.oneof(domains, fc.constant('docker.io')), paths, (domain, path) => {
        const configured = new Set([domain]);
        if (!/[.:]/.test(domain) && domain !== 'localhost') {
          expect(() => upstreamRepositoryName({ domain, path }, configured)).toThrow(RegistryError);
          return;
        }
        const reference = parseReference(`${domain}/${path}`);
        const name = upstreamRepositoryName(reference, configured);
        expect(splitRepositoryName(name, configured)).toEqual({
          kind: 'upstream',
          domain: reference.domain,
          path: reference.path,
        });
      }),
      { numRuns: 1000 },
    ));

  it('a host that is contacted is the host that is named', () => {
    const number = fc.oneof(
      fc.nat(300).map(String),
      fc.nat(300).map((n) => `0${n.toString(8)}`),
      fc.nat(300).map((n) => `0x${n.toString(16)}`),
    );
    const numbers = fc.array(number, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.'));
    return fc.assert(
      fc.property(fc.oneof(anyHost, numbers), fc.stringMatching(/^[0-9]{1,6}$/), (name, port) => {
        const domain = `${name}:${port}`;
        const rule = brokenDomainRule(domain);
        const url = URL.canParse(`https://${domain}`) ? new URL(`https://${domain}`) : undefined;
        const isNamed = url?.hostname === name && url.port === (port === '443' ? '' : port) && port !== '0';
        expect(rule === undefined).toBe(isNamed);
      }),
      { numRuns: 2000 },
    );
  });

  it('two upstreams never share a name', () =>
    fc.assert(
      fc.property(domains, paths, domains, paths, (domain, path, otherDomain, otherPath) => {
        const configured = new Set([domain, otherDomain]);
        fc.pre([domain, otherDomain].every((each) => /[.:]/.test(each)));
        fc.pre(domain !== otherDomain || path !== otherPath);
        expect(upstreamRepositoryName({ domain, path }, configured)).not.toBe(
          upstreamRepositoryName({ domain: otherDomain, path: otherPath }, configured),
        );
      }),
    ));

  it('every name is local, or an upstream whose name settles, or refused', () =>
    fc.assert(
      fc.property(names, (text) => {
        const name = parseRepositoryName(text);
        try {
          const split = splitRepositoryName(name, NONE);
          if (split.kind === 'local') return expect(split.name).toBe(name);
          return expect(splitRepositoryName(upstreamRepositoryName(split), NONE)).toEqual(split);
        } catch (error) {
          return expect(error).toMatchObject({ code: 'NAME_INVALID' });
        }
      }),
      { numRuns: 1000 },
    ));
});
