import { randomBytes, randomUUID } from 'node:crypto';
import { open, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DockerRegistry } from '#testing/docker-registry';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { describeWithPeers } from '#testing/peers';
import { addScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream, stallAfter } from '#testing/scripted-upstream';

describeWithPeers('fsck names what is wrong', ['docker-registry', 'skopeo'], () => {
  let upstream: DockerRegistry;
  let entrepot: Entrepot;
  let files: string[];

  beforeAll(async () => {
    [upstream, entrepot] = await Promise.all([DockerRegistry.start(), Entrepot.start()]);
    await upstream.push('library/quick:1');
    await entrepot.completed(await entrepot.pull(`${upstream.host}/library/quick:1`));
    files = await objectFiles(join(entrepot.data, 'blobs', 'objects'));
  }, 90_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  it('nothing, where nothing is; while the services run, and while they are dead', async () => {
    expect(files).toHaveLength(4);
    expect(await entrepot.fsck()).toEqual([]);
    await entrepot.stop();
    expect(await entrepot.fsck()).toEqual([]);
    await entrepot.start();
  }, 90_000);

  it('by its exit code: 0 all is well, 2 for a command that is not understood', async () => {
    expect(await entrepot.admin('fsck')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^clean$/m) });
    expect(await entrepot.admin('fsck', '--deeper')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--deep/),
    });
    expect(await entrepot.admin('fsk')).toMatchObject({ code: 2, stderr: expect.stringMatching(/fsk.*\n.*fsck/) });
  }, 60_000);

  it('a file that no row knows', async () => {
    const orphan = join(dirname(files[0]!), randomUUID());
    await writeFile(orphan, 'left over');
    expect(await entrepot.fsck()).toEqual([expect.stringMatching(/^orphan: .*9 bytes/)]);
    expect((await entrepot.admin('fsck')).code).toBe(1);
    await rename(orphan, join(entrepot.data, '..', 'orphan'));
  });

  it('a file that is missing', async () => {
    const aside = join(entrepot.data, '..', 'aside');
    await rename(files[0]!, aside);
    const faults = await entrepot.fsck();
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.join('\n')).toMatch(/^missing: the bytes of sha256:/m);
    await rename(aside, files[0]!);
  });

  it('a file that is too short', async () => {
    const file = await open(files[0]!, 'r+');
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    await file.read(last, 0, 1, size - 1);
    await file.truncate(size - 1);
    expect((await entrepot.fsck()).join('\n')).toMatch(/^size: .*has \d+ bytes/m);
    await file.write(last, 0, 1, size - 1);
    await file.close();
  });

  it('one byte that turned over', async () => {
    const turn = async () => {
      const file = await open(files[0]!, 'r+');
      const at = Math.floor((await file.stat()).size / 2);
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, at);
      await file.write(Buffer.from([byte[0]! ^ 1]), 0, 1, at);
      await file.close();
    };
    await turn();
    expect(await entrepot.fsck()).toEqual([expect.stringMatching(/^digest: .* should be sha256:\w+ but is sha256:/)]);
    await turn();
  });

  it('an upload that ran out and was forgotten', async () => {
    const scripted = await ScriptedUpstream.start();
    try {
      const layer = randomBytes(2_000_000);
      const { reference, layerUrl } = addScriptedImage(scripted, 'team/stalled', layer);
      scripted.script('GET', layerUrl, stallAfter(layer, 1_500_000));
      await entrepot.stop();
      await entrepot.start({ ENTREPOT_SESSION_IDLE_MS: '1000', ENTREPOT_GC_SWEEP_MS: '3600000' });
      await entrepot.pull(reference);
      await eventually('the layer is on its way', async () => scripted.count('GET', layerUrl) === 1);
      await entrepot.kill9();
      const forgotten = async () => (await entrepot.fsck()).find((fault) => fault.startsWith('session: '));
      expect(await eventually('it is named', forgotten)).toMatch(/the upload of object \S+ ran out and was forgotten/);
      await entrepot.start(SHORT_TIMES);
      await eventually('it is cleaned up', async () => (await entrepot.fsck()).length === 0);
    } finally {
      await scripted.stop();
    }
  }, 120_000);

  it('nothing any more, when all was put right', async () => {
    expect(await entrepot.fsck()).toEqual([]);
  });
});

/** The files of objects, the largest first. */
async function objectFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const objects = paths.filter((path) => /[0-9a-f]{8}-[0-9a-f]{4}-/.test(path));
  const sizes = await Promise.all(objects.map(async (path) => [path, (await stat(path)).size] as const));
  return sizes.sort(([, one], [, other]) => other - one).map(([path]) => path);
}
