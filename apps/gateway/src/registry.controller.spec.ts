import { FindBlobs, WantBlob } from '#contracts/calls/blobs';
import { FetchManifest } from '#contracts/calls/fetching';
import { FindManifest, ListTags, ReadManifest, ResolveTags } from '#contracts/calls/manifests';
import { digestOf } from '#oci/digest';
import { OCI_MANIFEST } from '#oci/media-type';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from './gateway.testing';

const manifest = Buffer.from('{"schemaVersion":2, "mediaType":"application/vnd.oci.image.manifest.v1+json"}');
const digest = digestOf(manifest);
const layer = Buffer.from('x'.repeat(5000));
const layerDigest = digestOf(layer);
const object = '4f0c8a52-7b1d-4c9a-8a0e-5f3b1c2d4e6f';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());

beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls
    .on(ResolveTags, ({ tags }) => ({
      manifests: tags.map(({ tag }) =>
        tag === 'latest' ? { digest, mediaType: OCI_MANIFEST, size: manifest.length, ageMs: null } : null,
      ),
    }))
    .on(ReadManifest, (asked) =>
      asked.digest === digest ? { found: true, mediaType: OCI_MANIFEST, bytes: manifest } : { found: false },
    )
    .on(FindManifest, (asked) => ({ state: asked.digest === digest ? ('held' as const) : ('unknown' as const) }))
    .on(FindBlobs, ({ blobs }) => ({
      blobs: blobs.map((blob) => (blob.digest === layerDigest ? { object, size: layer.length } : null)),
    }))
    .on(ListTags, ({ repository }) => ({ found: repository === 'team/app', tags: ['a', 'b'], more: false }))
    .on(WantBlob, () => ({ size: layer.length, mediaType: 'x/y', object }))
    .on(FetchManifest, () => ({ digest, mediaType: OCI_MANIFEST, size: manifest.length }));
  gateway.bytes.put(object, layer);
});

test('the ping says which API this is', async () => {
  const answer = await askRaw(gateway.port, '/v2/');
  expect(answer).toMatchObject({ status: 200, headers: { 'docker-distribution-api-version': 'registry/2.0' } });
});

test.each([['latest'], [digest]])('a manifest is answered byte for byte, by %s', async (reference) => {
  const answer = await askRaw(gateway.port, `/v2/team/app/manifests/${reference}`);
  expect(answer.status).toBe(200);
  expect(answer.body.equals(manifest)).toBe(true);
  expect(answer.headers).toMatchObject({
    'content-type': OCI_MANIFEST,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'content-length': String(manifest.length),
  });
});

test('a blob is answered whole', async () => {
  const answer = await askRaw(gateway.port, `/v2/team/app/blobs/${layerDigest}`);
  expect(answer.status).toBe(200);
  expect(answer.body.equals(layer)).toBe(true);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    'docker-content-digest': layerDigest,
    etag: `"${layerDigest}"`,
  });
});
