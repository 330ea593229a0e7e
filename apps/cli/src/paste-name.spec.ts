import { pasteImage, pasteName } from './paste-name';

describe('names that can be pasted', () => {
  it.each([
    ['docker.io/library/node', 'docker.io/library/node'],
    ['127.0.0.1_5001/library/node', '127.0.0.1:5001/library/node'],
    ['team/app', 'here:5050/team/app'],
    ['app', 'here:5050/app'],
    ['release_2024/app', 'here:5050/release_2024/app'],
    ['NO SUCH NAME', 'here:5050/NO SUCH NAME'],
  ])('%s is typed as %s', (repository, name) => expect(pasteName(repository, 'here:5050')).toBe(name));

  it('an image is named by each of its tags, or by its digest', () => {
    const image = { repository: 'team/app', digest: 'sha256:1' };
    expect(pasteImage({ ...image, tags: ['1', '2'] }, 'h')).toEqual(['h/team/app:1', 'h/team/app:2']);
    expect(pasteImage({ ...image, tags: [] }, 'h')).toEqual(['h/team/app@sha256:1']);
  });
});
