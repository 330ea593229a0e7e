import * as fc from 'fast-check';
import { parseReference } from './reference';
import { RegistryError } from './registry-error';
import { parseRepositoryName } from './repository-name';
import { splitRepositoryName, upstreamRepositoryName } from './upstream-name';

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
    ['example.com', '../app', /must begin and end/],
    ['example.com', 'a'.repeat(250), /at most 255/],
  ])('of %s and %s there is none: %s', (domain, path, message) => {
    expect(() => upstreamRepositoryName({ domain, path }, CONFIGURED)).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID', message: expect.stringMatching(message) }),
    );
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

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const domains = fc
  .tuple(host, fc.option(fc.nat(65_535)))
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
