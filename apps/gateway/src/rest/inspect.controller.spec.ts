import { randomUUID } from 'node:crypto';
import { type ImageMember, InspectImage, ReadImageParts } from '#contracts/calls/inspect';
import type { AnswerOf } from '#contracts/define-call';
import { digestOf } from '#oci/digest';
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST } from '#oci/media-type';
import { conflict, notFound, unavailable } from '#oci/registry-error';
import { parseRepositoryName } from '#oci/repository-name';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const digest = digestOf(Buffer.from('manifest'));
const config = Buffer.from(
  JSON.stringify({
    os: 'linux',
    architecture: 'arm64',
    created: '2026-01-01T00:00:00Z',
    config: {
      Env: ['A=1'],
      Cmd: ['sh'],
      Labels: { team: 'red' },
      ExposedPorts: { '80/tcp': {} },
      Healthcheck: { Test: ['CMD', 'true'] },
    },
    history: [{ created_by: 'ADD file' }, { created_by: 'ENV A=1', empty_layer: true }],
  }),
);
const object = randomUUID();
const own: ImageMember = {
  digest,
  mediaType: OCI_MANIFEST,
  platform: null,
  artifactType: null,
  annotations: { a: 'b' },
  held: true,
  size: 100,
  complete: true,
};
const image: AnswerOf<typeof InspectImage> = {
  repository: parseRepositoryName('docker.io/library/node'),
  tag: '22',
  digest,
  kind: 'image',
  subject: null,
  size: 100,
  members: [own],
  own,
  tags: { first: [{ repository: 'team/app', tag: '1', movedAt: '2026-01-01T00:00:00.000Z' }], count: 101 },
  repositories: { first: ['docker.io/library/node', 'team/app'], count: 2 },
  containers: { first: [], count: 0 },
  upstream: 'docker.io',
  createdAt: '2026-01-01T00:00:00.000Z',
  pulls: 3,
  pulledAt: null,
};
const layer = { digest: digestOf(Buffer.from('layer')), mediaType: OCI_LAYER_GZIP, size: 50, held: true };

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.bytes.put(object, config);
  gateway.calls
    .on(InspectImage, () => image)
    .on(ReadImageParts, () => ({
      config: { digest: digestOf(config), mediaType: OCI_CONFIG, size: config.byteLength, object },
      layers: [layer],
    }));
});

const inspect = async (query: string) => {
  const { status, text } = await askRaw(gateway.port, `/api/v1/images/inspect?${query}`);
  return { status, json: JSON.parse(text) };
};

test('an image is shown with its config, its history and its layers', async () => {
  const { status, json } = await inspect('reference=node:22');
  expect(status).toBe(200);
  expect(json).toMatchObject({
    repository: 'docker.io/library/node',
    id: digest,
    source: { kind: 'fetched', upstream: 'docker.io' },
    tags: { count: 101 },
    platforms: [{ platform: 'linux/arm64', digest, held: true, size: 100 }],
    manifest: digest,
    config: {
      platform: 'linux/arm64',
      env: ['A=1'],
      cmd: ['sh'],
      entrypoint: [],
      exposedPorts: ['80/tcp'],
      labels: { team: 'red' },
      healthcheck: { Test: ['CMD', 'true'] },
      stopSignal: null,
    },
    history: [
      { createdBy: 'ADD file', layer },
      { createdBy: 'ENV A=1', layer: null },
    ],
    layers: [layer],
  });
  expect(gateway.calls.questions(InspectImage)).toEqual([{ reference: 'node:22' }]);
});

test('the platform that was asked for must be one that it has', async () => {
  expect((await inspect('reference=node:22&platform=linux/arm64')).status).toBe(200);
  const { status, json } = await inspect('reference=node:22&platform=windows/amd64');
  expect({ status, detail: json.detail }).toEqual({ status: 404, detail: expect.stringContaining('linux/arm64') });
});

test('of an index, the platform that was asked for is looked into, and what is not here is said', async () => {
  const arm = { ...own, digest: layer.digest, platform: { os: 'linux', architecture: 'arm64' }, held: false };
  const amd = { ...own, platform: { os: 'linux', architecture: 'amd64' } };
  const proof = { ...own, platform: { os: 'unknown', architecture: 'unknown' } };
  gateway.calls.on(InspectImage, () => ({ ...image, kind: 'index' as const, members: [amd, arm, proof] }));
  const { json } = await inspect('reference=node:22&platform=linux/arm64');
  expect(json).toMatchObject({ manifest: arm.digest, config: null, layers: [], history: [] });
  expect(json.platforms.map(({ platform, held }: { platform: string; held: boolean }) => [platform, held])).toEqual([
    ['linux/amd64', true],
    ['linux/arm64', false],
  ]);
  expect(json.attestations).toHaveLength(1);
  expect(gateway.calls.questions(ReadImageParts)).toEqual([]);
});

test.each([
  ['no config of an image', { mediaType: 'application/vnd.cncf.helm.config.v1+json' }],
  ['one that is not here', { object: null }],
  ['one that is too large', { size: 2 ** 21 }],
])('a config that is %s leaves the rest', async (_what, more) => {
  gateway.calls.on(ReadImageParts, () => ({
    config: { digest, mediaType: OCI_CONFIG, size: 10, object, ...more },
    layers: [layer],
  }));
  const { status, json } = await inspect('reference=node:22');
  expect({ status, config: json.config, layers: json.layers }).toEqual({ status: 200, config: null, layers: [layer] });
});

test.each([
  ['', 400, 'reference'],
  ['reference=', 400, 'reference'],
  [`reference=${'x'.repeat(513)}`, 400, 'reference'],
  ['reference=a%00', 400, 'reference'],
  ['reference=a&platform=linux', 400, 'platform'],
  ['reference=a&more=1', 400, 'more'],
])('?%s is refused, naming what is wrong', async (query, status, field) => {
  const answer = await inspect(query);
  expect({ status: answer.status, field: answer.json.field }).toEqual({ status, field });
});

test.each([
  [notFound('image x'), 404],
  [conflict('several', { candidates: [] }), 409],
  [unavailable('the database'), 503],
])('%s is answered as it is', async (error, status) => {
  gateway.calls.on(InspectImage, () => {
    throw error;
  });
  expect((await inspect('reference=x')).status).toBe(status);
});
