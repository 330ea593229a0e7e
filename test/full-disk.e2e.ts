import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { folderSize } from '#testing/folder-size';
import { NatsWire } from '#testing/nats-wire';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import { describeWithDisk, SmallDisk } from '#testing/small-disk';
import { removeFolder, tempFolder } from '#testing/temp-folder';

const MIB = 1024 * 1024;

/** The whole data folder is on it: bytes, the database (about 50 MiB at first) and the bus. */
const DISK_MIB = 250;
const SETTINGS = { ...SHORT_TIMES, ENTREPOT_ATTEMPTS: '1', ENTREPOT_STORE_RESERVE_BYTES: String(64 * MIB) };

describeWithDisk('a disk that fills in the middle of a pull, with the database on it', () => {
  let upstream: ScriptedUpstream;
  let folder: string;
  let disk: SmallDisk;
  let entrepot: Entrepot;
  let wire: NatsWire;
  let small: ScriptedImage;
  let large: ScriptedImage;

  beforeAll(async () => {
    [upstream, folder] = await Promise.all([ScriptedUpstream.start(), tempFolder('disk')]);
    small = addScriptedImage(upstream, 'team/small', randomBytes(MIB));
    large = addScriptedImage(upstream, 'team/large', randomBytes(180 * MIB));
    disk = await SmallDisk.mount(join(folder, 'disk'), `${DISK_MIB}m`, 'mode=711');
    entrepot = await Entrepot.start({ ...SETTINGS, ENTREPOT_DATA: join(disk.folder, 'data') });
    wire = await NatsWire.connect(entrepot.natsUrl);
  }, 120_000);

  afterAll(async () => {
    wire?.close();
    await entrepot?.stop();
    await entrepot?.destroy();
    await disk?.unmount();
    await Promise.all([upstream?.stop(), folder && removeFolder(folder)]);
  }, 60_000);

  const stored = () => folderSize(join(entrepot.data, 'blobs'));
  const pullOf = async ({ reference }: ScriptedImage) =>
    (await entrepot.operations()).find(({ body, endedAt }) => body.reference === reference && endedAt !== null);
  const layerOf = async ({ path, layer }: ScriptedImage) =>
    (await (await fetch(`${entrepot.url}${path}/blobs/${layer}`)).arrayBuffer()).byteLength;

  it('takes what fits, by a message', async () => {
    await wire.publish('entrepot.request.pull', JSON.stringify({ reference: small.reference }));
    expect(await eventually('it ends', () => pullOf(small))).toMatchObject({ state: 'completed' });
  });

  it('fails what does not fit with the reason, and gives its bytes up again', async () => {
    await wire.publish('entrepot.request.pull', JSON.stringify({ reference: large.reference }));
    const failed = await eventually('it ends', () => pullOf(large), { withinMs: 60_000 });
    expect(failed).toMatchObject({ state: 'failed', error: { message: expect.stringMatching(/full.*free space/) } });
    await eventually('its bytes go', async () => (await stored()) < 2 * MIB);
    expect(await entrepot.fsck()).toEqual([]);
  }, 90_000);

  it('cuts the answer of a client that follows it, and serves what is here meanwhile', async () => {
    const followed = addScriptedImage(upstream, 'team/followed', randomBytes(180 * MIB));
    await (await fetch(`${entrepot.url}${followed.path}/manifests/1`)).arrayBuffer();
    await expect(layerOf(followed)).rejects.toThrow();
    expect(await layerOf(small)).toBe(MIB);
    await eventually('its bytes go', async () => (await stored()) < 2 * MIB);
    expect(await entrepot.fsck()).toEqual([]);
  }, 90_000);

  it('filled by somebody else to the last byte, it answers 503 at the worst, and is well when there is room', async () => {
    const other = join(disk.folder, 'somebody-else');
    await fillDisk(other);
    const asked = await entrepot.ask('POST', '/api/v1/operations', { kind: 'pull', reference: large.reference });
    expect([202, 503]).toContain(asked.status);
    const manifest = await entrepot.ask('GET', `${small.path}/manifests/1`);
    expect([200, 503]).toContain(manifest.status);
    await rm(other);
    const next = addScriptedImage(upstream, 'team/next', randomBytes(1000));
    const id = await eventually('it takes requests again', () => entrepot.pull(next.reference));
    await entrepot.completed(id);
    expect(await layerOf(small)).toBe(MIB);
    await eventually('nothing is left over', async () => (await entrepot.fsck()).length === 0);
  }, 120_000);

  it('and with more room takes what did not fit; a restart finds all of it', async () => {
    await disk.resize(`${DISK_MIB + 400}m`);
    await entrepot.completed(await entrepot.pull(large.reference));
    await entrepot.stop();
    await entrepot.start();
    expect(await layerOf(large)).toBe(180 * MIB);
    expect(await entrepot.fsck()).toEqual([]);
    expect(entrepot.log).not.toMatch(/unhandled|uncaught/i);
  }, 120_000);
});

async function fillDisk(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let size = MIB; size >= 512; ) {
      await file.write(Buffer.alloc(size)).catch(() => {
        size /= 2;
      });
    }
  } finally {
    await file.close();
  }
}
