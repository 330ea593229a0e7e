import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MinioServer } from '#apps/blobs/src/driver/minio-server.testing';
import { throughRunning } from '#apps/standalone/src/running-program';
import type { Calls } from '#calls/calls';
import { ReadAdoption } from '#contracts/calls/adoption';
import { TakeSegment } from '#contracts/calls/journal';
import { Entrepot, type Settings, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { describeWithPeers } from '#testing/peers';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';

/** On S3 two extents, which stay two keys. */
const LAYER = randomBytes(17_000_000);

/** What nothing names stays, so that what is lost would be seen. */
const TIMES = { ...SHORT_TIMES, ENTREPOT_KEEP_PULLED_MS: '3600000', ENTREPOT_COMPOSE_SWEEP_MS: '0' };

describeWithPeers('a database that is gone', ['minio'], () => {
  describe.each(['folder', 'minio'] as const)('beside a store that is here: %s', (place) => {
    let upstream: ScriptedUpstream;
    let minio: MinioServer | undefined;
    let entrepot: Entrepot;
    let settings: Settings = TIMES;
    let images: ScriptedImage[];

    beforeAll(async () => {
      upstream = await ScriptedUpstream.start();
      if (place === 'minio') {
        minio = await MinioServer.start();
        settings = { ...TIMES, ...minio.environment('warehouse') };
      }
      images = ['one', 'two', 'three', 'four', 'five'].map((name, at) =>
        addScriptedImage(upstream, `team/${name}`, at === 0 ? LAYER : randomBytes(100_000)),
      );
      entrepot = await Entrepot.start(settings);
    }, 120_000);
    afterAll(async () => {
      await entrepot?.destroy();
      await Promise.all([minio?.stop(), upstream?.stop()]);
    }, 60_000);

    const call = <T>(run: (calls: Calls) => Promise<T>) => throughRunning(entrepot.data, run);
    const pull = async (at: number) => entrepot.completed(await entrepot.pull(images[at]!.reference));
    const name = async (at: number, tag: string) => {
      const target = `${entrepot.host}/team/own:${tag}`;
      const { status, text } = await entrepot.ask('PUT', '/api/v1/tags', { source: images[at]!.reference, target });
      if (status >= 300) throw new Error(`${status} ${text}`);
    };
    const isSettled = () => call(async (calls) => (await calls.ask(TakeSegment, {})).bytes.length === 0);

    /** What REST answers of all that is held, and every byte that clients can read. */
    async function dump(): Promise<unknown> {
      await eventually('the journal is in the store', isSettled);
      const all = async (path: string) => (await entrepot.ask('GET', path)).json;
      // How often something was pulled is not in the store, nor which operation moved a tag.
      const shown = (await entrepot.images()).map(({ pulls: _, pulledAt: __, ...image }) => image);
      const histories = await Promise.all(
        ['1', '2'].map(async (tag) => {
          const moves = await all(`/api/v1/tags/history?reference=${entrepot.host}/team/own:${tag}`);
          return Array.isArray(moves) ? moves.map(({ operation: _, ...move }) => move) : null;
        }),
      );
      return { images: shown, repositories: await all('/api/v1/repositories'), histories };
    }

    async function layersAreRead(at: readonly number[]): Promise<void> {
      const before = upstream.requests.length;
      for (const { path, layer, config } of at.map((each) => images[each]!)) {
        for (const digest of [layer, config]) {
          const answer = await fetch(`${entrepot.url}${path}/blobs/${digest}`);
          const bytes = Buffer.from(await answer.arrayBuffer());
          expect({ digest, status: answer.status, is: await sha256(bytes) }).toEqual({
            digest,
            status: 200,
            is: digest,
          });
        }
      }
      expect(upstream.requests.length).toBe(before);
    }

    it('is made again from the store alone', async () => {
      for (const at of [0, 1, 2]) await pull(at);
      await name(0, '1');
      await name(1, '1');
      await entrepot.completed(await entrepot.removeNow(images[2]!.reference));
      const before = await dump();
      await entrepot.stop();
      await rm(join(entrepot.data, 'postgres'), { recursive: true });
      const rebuilt = await entrepot.admin('rebuild');
      expect(rebuilt).toMatchObject({ code: 0, stdout: expect.stringContaining('done: ') });
      expect((await entrepot.admin('rebuild')).stderr).toContain('holds a warehouse already');
      await entrepot.start();
      expect(await dump()).toEqual(before);
      await layersAreRead([0, 1]);
      expect(await entrepot.fsck()).toEqual([]);
    }, 180_000);

    it('comes back from a backup, and has from the store what came later', async () => {
      const folder = join(dirname(entrepot.data), 'backups');
      const backup = join(folder, 'one.backup');
      expect(await entrepot.admin('backup', backup)).toMatchObject({ code: 0 });
      for (const at of [3, 4]) await pull(at);
      await name(3, '2');
      await entrepot.completed(await entrepot.removeNow(images[1]!.reference, { force: true }));
      const before = await dump();
      await entrepot.stop();
      await rm(join(entrepot.data, 'postgres'), { recursive: true });
      expect(await entrepot.admin('restore', backup)).toMatchObject({ code: 0 });
      entrepot.relaunch({ ...settings, ENTREPOT_FAILPOINTS: 'metadata.adopt-object:after=kill@2' });
      await entrepot.exited;
      await entrepot.start(settings);
      const ended = () => call(async (calls) => (await calls.ask(ReadAdoption, {})).adoption?.phase === 'ended');
      await eventually('the adoption has ended', ended);
      expect(await dump()).toEqual(before);
      await layersAreRead([0, 3, 4]);
      expect(await readdir(folder)).toEqual(['one.backup']);
      await eventually('nothing is wrong', async () => (await entrepot.fsck()).length === 0);
    }, 180_000);
  });
});

async function sha256(bytes: Buffer): Promise<string> {
  return `sha256:${Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex')}`;
}
