import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '#children/free-port';
import { Entrepot, type Settings, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { describeWithPeers, peer } from '#testing/peers';
import { RunningProgram } from '#testing/run-program';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import { removeFolder, tempFolder } from '#testing/temp-folder';

const MIB = 1024 * 1024;
const KEYS = { MINIO_ROOT_USER: 'spec', MINIO_ROOT_PASSWORD: 'spec-secret' };

/** Where it dies, and the extents with which its path passes there, in MiB: large ones are copied, small ones rewritten. */
const POINTS: [string, number][] = [
  ['metadata.claim-composings', 6],
  ['blobs.begin-multipart', 6],
  ['blobs.copy-part', 6],
  ['blobs.put-part', 2],
  ['blobs.complete-multipart', 6],
  ['metadata.swap-object', 6],
];

describeWithPeers('a layer that comes in many pieces, in a bucket', ['minio'], () => {
  let folder: string;
  let minio: RunningProgram;
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  let store: Settings;
  let images = 0;

  beforeAll(async () => {
    folder = await tempFolder('bucket');
    const address = `127.0.0.1:${await freePort()}`;
    const env = { ...process.env, ...KEYS, MINIO_BROWSER: 'off' };
    minio = new RunningProgram(peer('minio'), ['server', '--address', address, folder], { env });
    await minio.says(/^API: /m);
    upstream = await ScriptedUpstream.start();
    store = {
      ...SHORT_TIMES,
      ENTREPOT_STORE: 'minio',
      ENTREPOT_S3_ENDPOINT: `http://${address}`,
      ENTREPOT_S3_ACCESS_KEY: KEYS.MINIO_ROOT_USER,
      ENTREPOT_S3_SECRET_KEY: KEYS.MINIO_ROOT_PASSWORD,
      ENTREPOT_EXTENT_BYTES: String(6 * MIB),
      ENTREPOT_COMPOSE_SWEEP_MS: '500',
      ENTREPOT_COMPOSE_RENEW_MS: '500',
    };
    entrepot = await Entrepot.start(store);
  }, 90_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop(), minio?.stop('SIGKILL')]);
    await removeFolder(folder);
  }, 60_000);

  function newImage(): ScriptedImage {
    images += 1;
    return addScriptedImage(upstream, `team/pieces-${images}`, randomBytes(13 * MIB + images));
  }

  /** The names of the keys of each object, as MinIO keeps them. */
  async function keys(): Promise<string[][]> {
    const objects = join(folder, 'entrepot', 'objects');
    return Promise.all((await readdir(objects).catch(() => [])).map((object) => readdir(join(objects, object))));
  }

  const uploads = async () =>
    (await readdir(join(folder, '.minio.sys', 'multipart'), { recursive: true })).filter((name) =>
      /xl\.meta$/.test(name),
    );

  /** Of each image: its config, of one key anyway, and its layer, of one that was composed; and nothing else. */
  async function isComposed(): Promise<void> {
    await eventually('every layer is one key, and all else is gone', async () => {
      const names = await keys();
      const composed = names.filter(([name]) => name === 'whole').length;
      return names.length === 2 * images && names.every(({ length }) => length === 1) && composed === images;
    });
    expect(await uploads()).toEqual([]);
    expect(await entrepot.fsck()).toEqual([]);
  }

  async function reads({ path, layer }: ScriptedImage): Promise<void> {
    const answer = await fetch(`${entrepot.url}${path}/blobs/${layer}`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect([answer.status, bytes.length]).toEqual([200, 13 * MIB + images]);
  }

  it('becomes one key, and is served as before', async () => {
    const image = newImage();
    await entrepot.completed(await entrepot.pull(image.reference));
    await reads(image);
    await isComposed();
    await reads(image);
  }, 60_000);

  it.each(POINTS.flatMap(([step, size]) => ['before', 'after'].map((side) => [`${step}:${side}`, size] as const)))(
    'becomes one key at the next start after a kill -9 at %s',
    async (point, size) => {
      const pieces = { ...store, ENTREPOT_EXTENT_BYTES: String(size * MIB) };
      await entrepot.stop();
      await entrepot.start({ ...pieces, ENTREPOT_COMPOSE_SWEEP_MS: '0' });
      const image = newImage();
      await entrepot.completed(await entrepot.pull(image.reference));
      await entrepot.stop();
      entrepot.relaunch({ ...pieces, ENTREPOT_FAILPOINTS: `${point}=kill` });
      expect((await entrepot.exited).signal).toBe('SIGKILL');
      await entrepot.start(pieces);
      await isComposed();
      await reads(image);
    },
    60_000,
  );

  it('leaves the bucket with its image', async () => {
    for (let n = 1; n <= images; n += 1) {
      await entrepot.completed(await entrepot.remove(`${upstream.domain}/team/pieces-${n}:1`));
    }
    await eventually('every key is gone', async () => (await keys()).length === 0);
    expect(await uploads()).toEqual([]);
    expect(await entrepot.fsck()).toEqual([]);
  }, 60_000);
});
