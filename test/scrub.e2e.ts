import { randomBytes } from 'node:crypto';
import { MinioServer } from '#apps/blobs/src/driver/minio-server.testing';
import type { Cleanup } from '#contracts/calls/runs';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { describeWithPeers } from '#testing/peers';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';

const BUCKET = 'warehouse';

describeWithPeers('bytes that are lost in the store and that nobody asks for', ['minio'], () => {
  const [gone, changed] = [randomBytes(700_000), randomBytes(900_000)];
  let upstream: ScriptedUpstream;
  let minio: MinioServer;
  let entrepot: Entrepot;
  let images: { readonly image: ScriptedImage; readonly bytes: Buffer }[];

  beforeAll(async () => {
    [upstream, minio] = await Promise.all([ScriptedUpstream.start(), MinioServer.start()]);
    images = [
      { image: addScriptedImage(upstream, 'team/gone', gone), bytes: gone },
      { image: addScriptedImage(upstream, 'team/changed', changed), bytes: changed },
    ];
    entrepot = await Entrepot.start({
      ...SHORT_TIMES,
      ...minio.environment(BUCKET),
      ENTREPOT_SCRUB_EVERY_MS: '1000',
      ENTREPOT_SCRUB_SWEEP_MS: '200',
      ENTREPOT_HOT_BLOB_BYTES: '1',
    });
    for (const { image } of images) await entrepot.completed(await entrepot.pull(image.reference));
  }, 180_000);

  afterAll(async () => {
    await entrepot?.destroy();
    await Promise.all([minio?.stop(), upstream?.stop()]);
  }, 60_000);

  async function keyOf(size: number, prefix = 'objects/'): Promise<string> {
    for await (const item of minio.client().listObjectsV2(BUCKET, prefix, true)) {
      const { name, size: has } = item as { name: string; size: number };
      if (has === size) return name;
    }
    throw new Error(`no key below ${prefix} has ${size} bytes`);
  }

  async function bytesOf(key: string): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of await minio.client().getObject(BUCKET, key)) parts.push(part as Buffer);
    return Buffer.concat(parts);
  }

  const scrubOf = async () => ((await entrepot.ask('GET', '/api/v1/gc')).json as Cleanup).scrub!;

  it('are found, fetched again, and read by the next client; what was wrong is kept aside', async () => {
    await eventually('all is looked at', async () => (await scrubOf()).verified >= 4, { withinMs: 60_000 });
    expect(await scrubOf()).toMatchObject({ everyMs: 1000, lost: 0, lostAt: null, oldest: expect.any(String) });

    const other = Buffer.from(changed);
    other[12_345]! ^= 1;
    await minio.client().putObject(BUCKET, await keyOf(changed.length), other);
    await minio.client().removeObject(BUCKET, await keyOf(gone.length));

    const isFetched = ({ image }: { image: ScriptedImage }) => upstream.count('GET', image.layerUrl) >= 2;
    await eventually('both are fetched again', async () => images.every(isFetched), { withinMs: 120_000 });
    for (const { image, bytes } of images) {
      const read = async () => {
        const answer = await fetch(`${entrepot.url}${image.path}/blobs/${image.layer}`);
        return answer.status === 200 && Buffer.from(await answer.arrayBuffer()).equals(bytes);
      };
      await eventually(`${image.path} is read`, () => read().catch(() => false), { withinMs: 60_000 });
      expect(upstream.count('GET', image.layerUrl)).toBe(2);
      const name = `${image.path.slice('/v2/'.length)}:1`;
      expect(entrepot.log).toMatch(
        new RegExp(`${image.layer} .* are lost: scrub: .*; missing in ${name}; it is fetched again from `),
      );
    }
    expect((await bytesOf(await keyOf(other.length, 'quarantine/'))).equals(other)).toBe(true);
    expect(await scrubOf()).toMatchObject({ lost: 2, lostAt: expect.any(String) });
    await eventually('nothing is wrong', async () => (await entrepot.fsck()).length === 0, { withinMs: 60_000 });
  }, 300_000);
});
