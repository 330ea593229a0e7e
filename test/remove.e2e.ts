import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Operation } from '#contracts/operation';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { folderSize } from '#testing/folder-size';
import { imageIndex, imageManifest } from '#testing/image-parts';
import { NatsWire } from '#testing/nats-wire';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';

describe('removing', () => {
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  let wire: NatsWire;

  beforeAll(async () => {
    [upstream, entrepot] = await Promise.all([ScriptedUpstream.start(), Entrepot.start(SHORT_TIMES)]);
    wire = await NatsWire.connect(entrepot.natsUrl);
  }, 90_000);

  afterAll(async () => {
    wire?.close();
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  const stored = () => folderSize(join(entrepot.data, 'blobs', 'objects'));
  const isEmpty = () => eventually('every byte is gone', async () => (await stored()) === 0);
  const layerOf = async ({ path, layer }: ScriptedImage) =>
    (await fetch(`${entrepot.url}${path}/blobs/${layer}`)).arrayBuffer();

  async function pulled(name: string, layer: Buffer): Promise<ScriptedImage> {
    const image = addScriptedImage(upstream, name, layer);
    await entrepot.completed(await entrepot.pull(image.reference));
    return image;
  }

  const deleted = async (reference: string, more = '') => {
    const answer = await entrepot.ask('DELETE', `/api/v1/images?reference=${encodeURIComponent(reference)}${more}`);
    return answer.status === 202 || answer.status === 200 ? entrepot.ended((answer.json as Operation).id) : answer;
  };
  const removedNow = async (reference: string) => entrepot.ended(await entrepot.removeNow(reference));

  const asked = async (body: object): Promise<Operation> => {
    const id = randomUUID();
    const event = { specversion: '1.0', id, source: '/test', type: 'dev.entrepot.request.remove.v1', data: body };
    await wire.publish('entrepot.request.remove', JSON.stringify(event));
    const find = async () => (await entrepot.operations()).find(({ requestId }) => requestId === id);
    const { id: operation } = await eventually('it is taken in', find);
    return entrepot.ended(operation);
  };

  it.each([
    ['by REST', (reference: string) => deleted(reference)],
    ['by a message', (reference: string) => asked({ reference })],
    ['at once', (reference: string) => removedNow(reference)],
  ])(
    '%s takes the name, then the bytes; once more there is nothing to remove',
    async (how, remove) => {
      const { reference } = await pulled(`team/${how.replaceAll(' ', '-').toLowerCase()}`, randomBytes(300_000));
      expect(await stored()).toBeGreaterThan(300_000);
      expect(await remove(reference)).toMatchObject({
        state: 'completed',
        outcome: { removed: [expect.stringMatching(/:1$/), expect.stringMatching(/@sha256:/)], left: [] },
      });
      expect(await entrepot.images()).toEqual([]);
      await isEmpty();
      expect(await deleted(reference)).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
      expect(await asked({ reference })).toMatchObject({ state: 'failed', error: { code: 'NOT_FOUND' } });
      expect(await entrepot.fsck()).toEqual([]);
    },
    60_000,
  );

  it('one of two images that share a layer leaves the layer to the other', async () => {
    const layer = randomBytes(300_000);
    const [one, other] = [await pulled('team/one', layer), await pulled('team/other', layer)];
    await removedNow(one.reference);
    await eventually('its own bytes go', async () => (await stored()) < 300_100);
    expect(Buffer.from(await layerOf(other)).equals(layer)).toBe(true);
    expect(await entrepot.fsck()).toEqual([]);
    await removedNow(other.reference);
    await isEmpty();
  }, 60_000);

  it('an image of an index is refused and says of which; the index takes all of them', async () => {
    const children = ['linux/amd64', 'linux/arm64'].map((platform) => {
      const [config, layer] = [Buffer.from(JSON.stringify({ platform })), randomBytes(100_000)];
      for (const blob of [config, layer]) upstream.addBlob(blob);
      const manifest = imageManifest(config, layer);
      return { manifest, platform, digest: upstream.addManifest('team/multi', null, manifest) };
    });
    const index = upstream.addManifest('team/multi', '1', imageIndex(...children));
    const name = `${upstream.domain}/team/multi`;
    await entrepot.completed(await entrepot.pull(`${name}:1`, { platforms: 'all' }));
    const why = { code: 'CONFLICT', message: expect.stringContaining(index) };
    for (const reference of [`${name}@${children[0]!.digest}`, children[1]!.digest.slice(7, 19)]) {
      expect(await deleted(reference, '&force')).toMatchObject({ status: 409, json: { detail: why.message } });
      expect(await asked({ reference })).toMatchObject({ state: 'failed', error: why });
    }
    expect(await removedNow(index)).toMatchObject({ state: 'completed' });
    await isEmpty();
    expect(await entrepot.fsck()).toEqual([]);
  }, 60_000);

  it('a tag that the upstream moved takes the image that it names now, and leaves no bytes of the one before', async () => {
    const before = await pulled('team/moved', randomBytes(200_000));
    const layer = randomBytes(100_000);
    addScriptedImage(upstream, 'team/moved', layer);
    await entrepot.completed(await entrepot.pull(before.reference));
    expect(await removedNow(before.reference)).toMatchObject({ state: 'completed' });
    await isEmpty();
  }, 60_000);

  it('what a client is reading is read to its end, and then its bytes go', async () => {
    const layer = randomBytes(60_000_000);
    const image = await pulled('team/read', layer);
    const answer = await fetch(`${entrepot.url}${image.path}/blobs/${image.layer}`);
    const reader = answer.body!.getReader();
    const parts = [Buffer.from((await reader.read()).value!)];
    await removedNow(image.reference);
    for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(Buffer.from(part.value));
    expect(Buffer.concat(parts).equals(layer)).toBe(true);
    await isEmpty();
    expect(await entrepot.fsck()).toEqual([]);
  }, 60_000);

  it('pulled again before its review has come, it is here without a download', async () => {
    await entrepot.stop();
    await entrepot.start({ ...SHORT_TIMES, ENTREPOT_REVIEW_DELAY_MS: '600000' });
    const image = await pulled('team/again', randomBytes(300_000));
    await deleted(image.reference);
    expect(await entrepot.images()).toEqual([]);
    await entrepot.completed(await entrepot.pull(image.reference));
    expect((await layerOf(image)).byteLength).toBe(300_000);
    expect(upstream.count('GET', image.layerUrl)).toBe(1);
    await removedNow(image.reference);
    await isEmpty();
  }, 90_000);

  it('pulled again while its bytes wait to go, it is whole, and only what is not needed goes', async () => {
    await entrepot.stop();
    await entrepot.start({ ...SHORT_TIMES, ENTREPOT_GRACE_MS: '5000' });
    const layer = randomBytes(300_000);
    const image = await pulled('team/grace', layer);
    const facts = await NatsWire.connect(entrepot.natsUrl);
    await facts.subscribe('entrepot.fact.blob.condemned');
    await removedNow(image.reference);
    while (!(await facts.message()).body.includes(image.layer));
    facts.close();
    await entrepot.completed(await entrepot.pull(image.reference));
    await eventually('the rest goes', async () => (await stored()) < 300_100);
    expect(Buffer.from(await layerOf(image)).equals(layer)).toBe(true);
    expect(await entrepot.fsck()).toEqual([]);
  }, 90_000);
});
