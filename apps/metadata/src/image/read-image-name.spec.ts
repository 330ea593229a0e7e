import { readImageName } from './read-image-name';

const naming = {
  ownHosts: new Set(['localhost:5050', 'registry.team']),
  configuredUpstreams: new Set(['registry:5000']),
};
const SUM = `sha256:${'a'.repeat(64)}`;

describe('naming an image that is here', () => {
  it.each([
    ['alpine', 'docker.io/library/alpine', 'latest', null],
    ['alpine:3', 'docker.io/library/alpine', '3', null],
    [`alpine@${SUM}`, 'docker.io/library/alpine', null, SUM],
    [`alpine:3@${SUM}`, 'docker.io/library/alpine', null, SUM],
    ['quay.io/a/b', 'quay.io/a/b', 'latest', null],
    ['127.0.0.1:5001/a/b:1', '127.0.0.1_5001/a/b', '1', null],
    ['registry:5000/a', 'registry_5000/a', 'latest', null],
    ['localhost:5050/team/app:1', 'team/app', '1', null],
    ['LOCALHOST:5050/team/app', 'team/app', 'latest', null],
    ['registry.team/team/app', 'team/app', 'latest', null],
    ['localhost:5050/quay.io/a/b', 'quay.io/a/b', 'latest', null],
    ['localhost:5050/docker.io/alpine', 'docker.io/library/alpine', 'latest', null],
  ])('%s is %s', (text, repository, tag, digest) => {
    expect(readImageName(text, naming)).toMatchObject({ named: { repository, tag, digest }, id: null });
  });

  it.each([
    [SUM, SUM],
    ['a'.repeat(64), SUM],
    ['sha256:abcd', 'sha256:abcd'],
  ])('%s is an id and nothing else', (text, id) => {
    expect(readImageName(text, naming)).toEqual({ named: null, id });
  });

  it('takes a few hex digits for a name first, then for the beginning of an id', () => {
    expect(readImageName('deadbeef', naming)).toMatchObject({
      named: { repository: 'docker.io/library/deadbeef', tag: 'latest' },
      id: 'sha256:deadbeef',
    });
    expect(readImageName('abc', naming).id).toBeNull();
  });

  it.each(['Alpine', '', 'a b', 'https://quay.io/a', 'registry:5001/a', '[::1]:5000/a'])('refuses %j', (text) => {
    expect(() => readImageName(text, naming)).toThrow(/invalid/);
  });
});
