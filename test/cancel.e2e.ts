import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Entrepot } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { folderSize } from '#testing/folder-size';
import { imageManifest } from '#testing/image-parts';
import { type Script, ScriptedUpstream } from '#testing/scripted-upstream';

const LAYERS = Array.from({ length: 12 }, () => randomBytes(3_000_000));
const PIECE = 100_000;

describe('a pull that is called off', () => {
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  /** Answers that are under way. */
  let open = 0;

  /** A megabyte a second. */
  const slowly =
    (layer: Buffer): Script =>
    (_request, response) => {
      let at = 0;
      open += 1;
      response.writeHead(200, { 'content-length': layer.byteLength });
      const timer = setInterval(() => {
        response.write(layer.subarray(at, at + PIECE));
        at += PIECE;
        if (at >= layer.byteLength) response.end();
      }, 100);
      response.once('close', () => {
        clearInterval(timer);
        open -= 1;
      });
    };

  beforeAll(async () => {
    // All times as they are where nobody sets them.
    [upstream, entrepot] = await Promise.all([ScriptedUpstream.start(), Entrepot.start()]);
    const config = Buffer.from('{"architecture":"amd64","os":"linux"}');
    upstream.addBlob(config);
    for (const layer of LAYERS) {
      upstream.script('GET', new RegExp(`/blobs/${upstream.addBlob(layer)}$`), slowly(layer));
    }
    upstream.addManifest('team/large', '1', imageManifest(config, ...LAYERS));
  }, 90_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  it('asks its upstream for no more, ends what it asked for, and keeps no bytes of it', async () => {
    const id = await entrepot.pull(`${upstream.domain}/team/large:1`);
    await eventually('layers come', async () => open > 3);
    expect((await entrepot.ask('DELETE', `/api/v1/operations/${id}`)).status).toBe(202);
    expect(await entrepot.ended(id, 5_000)).toMatchObject({ state: 'cancelled' });
    await eventually('the upstream sends nothing any more', async () => open === 0, { withinMs: 15_000 });
    expect(upstream.count('GET', /\/blobs\//)).toBeLessThan(LAYERS.length);
    await eventually('its bytes go', async () => (await folderSize(join(entrepot.data, 'blobs', 'objects'))) < 1000);
    expect(await entrepot.images()).toMatchObject([{ complete: false }]);
    expect(await entrepot.fsck()).toEqual([]);
  }, 60_000);

  it('can be asked for again, and is whole then', async () => {
    await entrepot.completed(await entrepot.pull(`${upstream.domain}/team/large:1`));
    expect(await entrepot.images()).toMatchObject([{ complete: true, tags: ['1'] }]);
    expect(await entrepot.fsck()).toEqual([]);
  }, 60_000);
});
