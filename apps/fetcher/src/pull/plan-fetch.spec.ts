import type { ImageIndex } from '#oci/manifest';
import { parseManifest } from '#oci/manifest';
import { parsePlatform } from '#oci/platform';
import { imageIndex, imageManifest, someBytes } from '#testing/image-parts';
import { planFetch } from './plan-fetch';

const HOST = parsePlatform('linux/amd64');
const image = () => imageManifest(someBytes(10));

type Child = Parameters<typeof imageIndex>[number];

function plan(children: Child[], platforms: Parameters<typeof planFetch>[1] = 'host') {
  const index = parseManifest(Buffer.from(JSON.stringify(imageIndex(...children)))) as ImageIndex;
  const chosen = planFetch(index, platforms, HOST);
  return index.manifests.flatMap((child, at) => (chosen.includes(child) ? [at] : []));
}

const amd64: Child = { manifest: image(), platform: 'linux/amd64' };
const arm64: Child = { manifest: image(), platform: 'linux/arm64' };
const attestation: Child = {
  manifest: image(),
  platform: 'unknown/unknown',
  annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
};
const unsaid: Child = { manifest: image() };
const nested: Child = { manifest: imageIndex(amd64) };

it("the host's own platform is fetched, and neither the others nor what describes them", () => {
  expect(plan([arm64, amd64, attestation])).toEqual([1]);
});

it('all means everything that the index lists', () => {
  expect(plan([arm64, amd64, attestation, unsaid, nested], 'all')).toEqual([0, 1, 2, 3, 4]);
});

it('a list means those, each once, in any spelling', () => {
  expect(plan([arm64, amd64, attestation], ['linux/arm64/v8', 'linux/aarch64', 'linux/x86_64'])).toEqual([0, 1]);
});

it('a missing platform is refused with those there are', () => {
  expect(() => plan([arm64, attestation])).toThrow(
    expect.objectContaining({
      code: 'INVALID',
      message: expect.stringContaining('not built for linux/amd64; there are linux/arm64'),
    }),
  );
  expect(() => plan([arm64, amd64], ['linux/arm64', 'linux/s390x'])).toThrow(
    'linux/s390x; there are linux/arm64, linux/amd64',
  );
});

it('a platform that is misspelt is refused', () => {
  expect(() => plan([amd64], ['amd64'])).toThrow('must be os/architecture');
});

it('an index inside is looked into, and a child that says no platform is taken where none fits better', () => {
  expect(plan([nested, arm64])).toEqual([0]);
  expect(plan([nested, amd64])).toEqual([0, 1]);
  expect(plan([unsaid, arm64])).toEqual([0]);
  expect(plan([unsaid, amd64])).toEqual([1]);
  expect(plan([])).toEqual([]);
});
