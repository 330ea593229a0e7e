import { parseRepositoryName } from '#oci/repository-name';
import { RepositoryNaming } from './name-repository';

const naming = new RepositoryNaming({
  ownHosts: new Set(['localhost:5050', 'warehouse.lan:5050']),
  configuredUpstreams: new Set(['registry:5000']),
});
const ask = (name: string, ns: string | null = null) => naming.nameRepository(parseRepositoryName(name), ns);

describe('nameRepository', () => {
  test.each([
    ['team/app', null, 'team/app', false],
    ['app', null, 'app', false],
    ['release_2024/app', null, 'release_2024/app', false],
    ['docker.io/library/nginx', null, 'docker.io/library/nginx', true],
    ['docker.io/nginx', null, 'docker.io/library/nginx', true],
    ['127.0.0.1_5001/library/node', null, '127.0.0.1_5001/library/node', true],
    ['registry_5000/app', null, 'registry_5000/app', true],
    ['library/nginx', 'docker.io', 'docker.io/library/nginx', true],
    ['nginx', 'docker.io', 'docker.io/library/nginx', true],
    ['app', 'registry:5000', 'registry_5000/app', true],
    ['app', '127.0.0.1:5001', '127.0.0.1_5001/app', true],
    ['quay.io/a/b', 'docker.io', 'quay.io/a/b', true],
    ['team/app', 'localhost:5050', 'team/app', false],
    ['team/app', 'Warehouse.lan:5050', 'team/app', false],
  ])('%s with ns=%s is %s, of an upstream: %s', (name, ns, expected, isUpstream) => {
    expect(ask(name, ns)).toEqual({ name: expected, isUpstream });
    expect(ask(name, ns)).toEqual({ name: expected, isUpstream });
  });

  test('what is remembered is remembered with the registry that it was meant for, and bounded', () => {
    for (let at = 0; at < 3000; at += 1) expect(ask(`app${at}`)).toEqual({ name: `app${at}`, isUpstream: false });
    expect(ask('app2999', 'quay.io')).toEqual({ name: 'quay.io/app2999', isUpstream: true });
    expect(ask('app2999')).toEqual({ name: 'app2999', isUpstream: false });
    const held = Object.values(naming).filter((value) => value instanceof Map);
    expect(held.map(({ size }) => size)).toEqual([expect.any(Number)]);
    expect(held[0]!.size).toBeLessThanOrEqual(1000);
  });

  test.each([
    ['localhost_5050/team/app', null, 'this registry itself'],
    ['warehouse.lan_5050/team/app', null, 'this registry itself'],
    ['app', 'other:5000', 'configured upstream'],
    ['app', 'http://docker.io', 'registry host'],
    ['app', '', 'registry host'],
    ['app', 'a b', 'registry host'],
    ['app', '[::1]:5000', 'IPv6'],
    ['a..b/app', null, ''],
  ])('%s with ns=%s is refused', (name, ns, rule) => {
    expect(() => ask(name, ns)).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID', message: expect.stringContaining(rule) }),
    );
  });
});
