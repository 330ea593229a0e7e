import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { MinioServer } from '#apps/blobs/src/driver/minio-server.testing';
import { SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { FiveServices } from '#testing/five-services';
import { describeWithPeers } from '#testing/peers';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import { describeWithDisk, SmallDisk } from '#testing/small-disk';
import { removeFolder, tempFolder } from '#testing/temp-folder';

const MIB = 1024 * 1024;
const ROOM = '1g';
/** A manifest that a client was given stays for as long as the test asks. */
const SETTINGS = { ...SHORT_TIMES, ENTREPOT_ATTEMPTS: '1', ENTREPOT_PIN_MS: '600000' };

describeWithDisk('a MinIO whose own disk is full, under five services', () => {
  describeWithPeers('with a real one', ['minio', 'nats-server'], () => {
    let upstream: ScriptedUpstream;
    let folder: string;
    let disk: SmallDisk;
    let minio: MinioServer;
    let services: FiveServices;
    let held: ScriptedImage;
    let large: ScriptedImage;

    beforeAll(async () => {
      [upstream, folder] = await Promise.all([ScriptedUpstream.start(), tempFolder('full-store')]);
      disk = await SmallDisk.mount(join(folder, 'disk'), ROOM, 'mode=711');
      minio = await MinioServer.start(join(disk.folder, 'minio'));
      services = await FiveServices.start({ ...SETTINGS, ...minio.environment('warehouse') });
      held = addScriptedImage(upstream, 'team/held', randomBytes(3 * MIB));
      large = addScriptedImage(upstream, 'team/large', randomBytes(40 * MIB));
      await services.completed(await services.pull(held.reference));
    }, 120_000);

    afterAll(async () => {
      await services?.stop();
      await minio?.stop();
      await disk?.unmount();
      await Promise.all([upstream?.stop(), folder && removeFolder(folder)]);
    }, 60_000);

    const read = async ({ path, layer }: ScriptedImage) => {
      const answer = await fetch(`${services.url}${path}/blobs/${layer}`);
      return [answer.status, (await answer.arrayBuffer()).byteLength];
    };

    it('fails what does not fit and says why, never 404; what is here is read', async () => {
      await disk.fill();
      expect((await services.ask('GET', `${large.path}/manifests/1`)).status).toBe(200);
      const [answered] = await read(large).catch(() => ['cut']);
      expect([503, 'cut']).toContain(answered);
      const ended = await services.ended(await services.pull(large.reference), 90_000);
      expect(ended).toMatchObject({ state: 'failed', error: { message: /the store is full: free space/ } });
      expect(await read(held)).toEqual([200, 3 * MIB]);
    }, 120_000);

    it('with room takes what did not fit, and nothing is left over', async () => {
      await disk.resize(ROOM);
      // MinIO looks once a second how much room it has.
      const pull = async () => services.ended(await services.pull(large.reference), 90_000);
      await eventually('it fits', async () => (await pull()).state === 'completed', { withinMs: 90_000 });
      expect(await read(large)).toEqual([200, 40 * MIB]);
      await eventually('nothing is left over', async () => (await services.fsck()).length === 0);
      expect(services.log).not.toMatch(/unhandled|uncaught/i);
    }, 120_000);
  });
});
