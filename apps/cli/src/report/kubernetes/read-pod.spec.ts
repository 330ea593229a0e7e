import { PodSchema, readImageId, readPod } from './read-pod';

const HEX = 'ab'.repeat(32);
const DIGEST = `sha256:${HEX}`;

const pod = (spec: object, status: object = {}, metadata: object = {}) =>
  readPod(
    PodSchema.parse({
      metadata: { namespace: 'shop', name: 'web-1', uid: 'u1', creationTimestamp: '2026-01-02T03:04:05Z', ...metadata },
      ...{ spec, status },
    }),
  );
const states = (status: object) =>
  pod({ containers: [{ name: 'app', image: 'a:1' }] }, status).map(({ state }) => state);

describe('the digest in an imageID', () => {
  it.each([
    [`docker-pullable://registry.example/node@${DIGEST}`, DIGEST],
    [`docker://${DIGEST}`, DIGEST],
    [`registry.example:5000/team/node@${DIGEST}`, DIGEST],
    [`docker.io/library/node@${DIGEST}`, DIGEST],
    [DIGEST, DIGEST],
    [HEX, DIGEST],
    [`cri-o://${HEX}`, DIGEST],
    ['', undefined],
    ['node:20', undefined],
    ['docker-pullable://node@sha256:short', undefined],
  ])('%s', (imageId, digest) => expect(readImageId(imageId)).toBe(digest));
});

describe('the containers of a pod', () => {
  it('are those of the main, the first and the later kind, with the names that their images were asked by', () => {
    const status = (name: string, state: object) => ({ name, image: DIGEST, imageID: `docker.io/a@${DIGEST}`, state });
    const seen = pod(
      {
        initContainers: [{ name: 'first', image: 'a:1' }],
        containers: [{ name: 'app', image: 'a:2' }],
        ephemeralContainers: [{ name: 'debug', image: 'a:3' }],
        volumes: [
          { name: 'data', image: { reference: 'a:4' } },
          { name: 'other', emptyDir: {} },
        ],
      },
      {
        phase: 'Running',
        initContainerStatuses: [status('first', { terminated: { exitCode: 0 } })],
        containerStatuses: [status('app', { running: { startedAt: 'x' } })],
        ephemeralContainerStatuses: [status('debug', { waiting: { reason: 'ImagePullBackOff' } })],
      },
      { labels: { app: 'web' } },
    );
    const same = { labels: { app: 'web' }, createdAt: Date.parse('2026-01-02T03:04:05Z') };
    expect(seen).toEqual([
      { ...same, id: 'u1/first', name: 'shop/web-1/first', image: 'a:1', digest: DIGEST, state: 'exited' },
      { ...same, id: 'u1/app', name: 'shop/web-1/app', image: 'a:2', digest: DIGEST, state: 'running' },
      { ...same, id: 'u1/debug', name: 'shop/web-1/debug', image: 'a:3', digest: DIGEST, state: 'created' },
      { ...same, id: 'u1/volumes/data', name: 'shop/web-1/volumes/data', image: 'a:4', state: 'running' },
    ]);
  });

  it('that are only to begin are there, by their names', () => {
    expect(pod({ containers: [{ name: 'app', image: 'a:1' }] }, { phase: 'Pending' })).toMatchObject([
      { image: 'a:1', digest: undefined, state: 'created' },
    ]);
  });

  it.each(['Succeeded', 'Failed'])('of one that %s have ended, whatever else is said of them', (phase) => {
    expect(states({ phase })).toEqual(['exited']);
    expect(states({ phase, containerStatuses: [{ name: 'app', state: { running: {} } }] })).toEqual(['exited']);
  });

  it('of one of which little is known are what is known', () => {
    expect(pod({})).toEqual([]);
    expect(states({ containerStatuses: null })).toEqual(['created']);
    expect(pod({ containers: [{ name: 'app' }] })).toMatchObject([{ image: 'unknown' }]);
  });

  it.each([[{}], [{ namespace: '' }], [{ uid: null }]])('of one without a name are none: %j', (metadata) => {
    expect(PodSchema.safeParse({ metadata, spec: {}, status: {} }).success).toBe(false);
  });
});
