import { parseReference } from './reference';
import { referencedRepository } from './referenced-repository';

const naming = {
  ownHosts: new Set(['localhost:5050', 'registry.team']),
  configuredUpstreams: new Set(['mirror:5000']),
};

test.each([
  ['node', 'docker.io/library/node'],
  ['localhost:5050/team/app', 'team/app'],
  ['Registry.Team/team/app', 'team/app'],
  ['localhost:5050/docker.io/library/node', 'docker.io/library/node'],
  ['localhost:5050/docker.io/node', 'docker.io/library/node'],
  ['localhost:5050/index.docker.io/node', 'docker.io/library/node'],
  ['registry.team/127.0.0.1_5001/team/app', '127.0.0.1_5001/team/app'],
  ['registry.team/mirror_5000/app', 'mirror_5000/app'],
  ['registry.team/other_5000/app', 'other_5000/app'],
  ['localhost:5051/docker.io/library/node', 'localhost_5051/docker.io/library/node'],
])('%s means %s', (text, name) => {
  expect(referencedRepository(parseReference(text), naming)).toBe(name);
});

test.each([
  ['registry.team/127.1/app', 'another spelling'],
  ['registry.team/a.b_c/app', 'is no host name'],
  ['other:5000/app', 'a configured upstream'],
])('%s is refused: it must never become another name by being misspelt', (text, why) => {
  expect(() => referencedRepository(parseReference(text), naming)).toThrow(why);
});
