import { type Digest, digestOf } from '#oci/digest';
import { type Manifest, parseManifest } from '#oci/manifest';
import { imageIndex, imageManifest } from '#testing/image-parts';
import { heldImage } from './held-image';

const bytesOf = (json: object) => Buffer.from(JSON.stringify(json));
const shared = Buffer.from('shared layer');
const amd64 = imageManifest(Buffer.from('{"a":1}'), shared, Buffer.from('amd64'));
const arm64 = imageManifest(Buffer.from('{"a":2}'), shared, Buffer.from('arm64'));
const index = imageIndex({ manifest: amd64, platform: 'linux/amd64' }, { manifest: arm64, platform: 'linux/arm64' });
const digest = (json: object): Digest => digestOf(bytesOf(json));

/** Reads those of these manifests that are said to be here. */
const reader = (...here: object[]) => {
  const held = new Map(here.map((json) => [digest(json), parseManifest(bytesOf(json))]));
  return async (asked: Digest): Promise<Manifest | undefined> => held.get(asked);
};
const all = (manifest: Manifest) => (manifest.kind === 'index' ? manifest.manifests : []);

test('an image whose manifests are all here is held, each blob counted once', async () => {
  const image = await heldImage(digest(index), reader(index, amd64, arm64), all);
  expect(image?.manifests).toEqual([digest(index), digest(amd64), digest(arm64)]);
  expect(image?.size).toBe(7 + 7 + shared.length + 5 + 5);
});

test('only what the plan names has to be here', async () => {
  const first = (manifest: Manifest) => all(manifest).slice(0, 1);
  const image = await heldImage(digest(index), reader(index, amd64), first);
  expect(image?.manifests).toEqual([digest(index), digest(amd64)]);
});

test('one manifest that is not here makes the image not held', async () => {
  expect(await heldImage(digest(index), reader(index, amd64), all)).toBeNull();
  expect(await heldImage(digest(amd64), reader(), all)).toBeNull();
});
