import { createHash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { ACCEPTED } from '#testing/docker-registry';
import { Entrepot } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';

const SIZE = 3_000_000;
const STEP = 1_000_000;

describe('what a client asks for is answered before it is here', () => {
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  const layer = randomBytes(SIZE);
  const held: ServerResponse[] = [];
  let image: ScriptedImage;

  beforeAll(async () => {
    [upstream, entrepot] = await Promise.all([ScriptedUpstream.start(), Entrepot.start()]);
    image = addScriptedImage(upstream, 'team/slow', layer);
    upstream.script('GET', image.layerUrl, (_request, response) => {
      response.writeHead(200, { 'content-length': String(SIZE) });
      response.flushHeaders();
      held.push(response);
    });
  }, 90_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  it('the manifest and the headers of a layer within a second, the bytes as they come', async () => {
    const began = performance.now();
    const manifest = await fetch(`${entrepot.url}${image.path}/manifests/1`, { headers: { accept: ACCEPTED } });
    expect(manifest.status).toBe(200);
    await manifest.arrayBuffer();
    expect(performance.now() - began).toBeLessThan(1_000);

    const asked = performance.now();
    const blob = await fetch(`${entrepot.url}${image.path}/blobs/${image.layer}`);
    expect(blob.status).toBe(200);
    expect(blob.headers.get('content-length')).toBe(String(SIZE));
    expect(performance.now() - asked).toBeLessThan(1_000);

    const reader = blob.body!.getReader();
    const hash = createHash('sha256');
    let received = 0;
    const take = async (wanted: number) => {
      while (received < wanted) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`ended after ${received} bytes`);
        received += value.length;
        hash.update(value);
      }
    };
    await eventually('the upstream is asked for the layer', async () => held.length === 1);
    for (let sent = 0; sent < SIZE; sent += STEP) {
      held[0]!.write(layer.subarray(sent, sent + STEP));
      // The last 64 KiB wait for the digest.
      await take(Math.min(sent + STEP, SIZE - 65_536));
      expect(received).toBeLessThanOrEqual(sent + STEP);
    }
    held[0]!.end();
    await take(SIZE);
    expect((await reader.read()).done).toBe(true);
    expect(`sha256:${hash.digest('hex')}`).toBe(image.layer);
  });

  it('asked the upstream for each byte once, and kept it', async () => {
    expect(upstream.count('GET', image.layerUrl)).toBe(1);
    const again = await fetch(`${entrepot.url}${image.path}/blobs/${image.layer}`);
    expect(Buffer.from(await again.arrayBuffer()).equals(layer)).toBe(true);
    expect(upstream.count('GET', image.layerUrl)).toBe(1);
    expect(await entrepot.fsck()).toEqual([]);
  });
});
