import { randomBytes, randomUUID } from 'node:crypto';
import {
  appendFile,
  open,
  readdir,
  readFile,
  rename,
  stat,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { digestOf } from '#oci/digest';
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

  it('two at once after a kill: one looks, and the other says who does', async () => {
    await entrepot.kill9();
    const both = await Promise.all([entrepot.admin('fsck'), entrepot.admin('fsck')]);
    const [one, other] = both.sort((first, second) => (first.code ?? 9) - (second.code ?? 9));
    expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/^.*[Pp]rocess \d+.*\n$/) });
    await entrepot.start();
  }, 90_000);

  it('by its exit code: 0 all is well, 2 for a command that is not understood', async () => {
    expect(await entrepot.admin('fsck')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^clean$/m) });
    expect(await entrepot.admin('fsck', '--deeper')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--deep/),
    });
    expect(await entrepot.admin('--help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/fsck[\s\S]*dead-letters/),
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

  it.each<[what: string, spoil: (path: string) => Promise<void>, says: RegExp]>([
    ['a file that is missing', unlink, /^missing: the bytes of object \S+ \(sha256:/],
    ['a file that is too short', cutLast, /^size: .* has \d+ bytes/],
    ['a file that is too long', (path) => appendFile(path, 'x'), /^size: .* has \d+ bytes/],
    ['one byte that turned over', turnByte, /^digest: .* should be sha256:\w+ but is sha256:/],
  ])(
    '%s, in one line; what it marks lost is not served, and the pull that it names brings it again',
    async (_what, spoil, says) => {
      const layer = await largestLayer(entrepot, upstream.host);
      await spoil(await fileOf(entrepot.data, layer));
      const found = await entrepot.fsck();
      expect(found).toEqual([expect.stringMatching(says)]);
      const remedy = /; marked lost: pull (\S+) again$/.exec(found[0]!)?.[1];
      expect(remedy).toMatch(`${upstream.host}/library/quick@sha256:`);
      expect(await entrepot.fsck()).toEqual([expect.stringMatching(`^lost: object .*; pull ${remedy} again$`)]);
      const { bytesDone, bytesTotal } = await entrepot.completed(await entrepot.pull(remedy!));
      expect(bytesDone).toBe(bytesTotal);
      expect(await entrepot.fsck()).toEqual([]);
      expect(digestOf(await layerBytes(entrepot, upstream.host, layer.digest))).toBe(layer.digest);
    },
    60_000,
  );

  it('bytes that are lost, while the services are dead too; whoever asks for them is given right ones', async () => {
    const layer = await largestLayer(entrepot, upstream.host);
    await turnByte(await fileOf(entrepot.data, layer));
    await entrepot.stop();
    expect(await entrepot.fsck()).toEqual([expect.stringMatching(/^digest: .*; marked lost: pull /)]);
    await entrepot.start();
    expect(digestOf(await layerBytes(entrepot, upstream.host, layer.digest))).toBe(layer.digest);
    expect(await entrepot.fsck()).toEqual([]);
  }, 90_000);

  it('with --repair it drops what nothing refers to, once it is old enough, and has fetched again what an upstream has', async () => {
    const shelf = dirname(files[0]!);
    const orphan = join(shelf, `${basename(shelf)}${randomUUID().slice(basename(shelf).length)}`);
    await writeFile(orphan, 'left over');
    const young = await entrepot.admin('fsck', '--repair');
    expect(young).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^orphan: .*; left: it is younger than the/m),
    });
    await utimes(orphan, 0, 0);
    const layer = await largestLayer(entrepot, upstream.host);
    const path = await fileOf(entrepot.data, layer);
    await turnByte(path);
    const { code, stdout } = await entrepot.admin('fsck', '--deep', '--repair', '--json');
    expect(code).toBe(1);
    const lines = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as object] : []));
    expect(lines).toEqual([
      { class: 'extra', word: 'orphan', object: basename(orphan), line: expect.stringMatching(/; dropped$/) },
      {
        class: 'corrupt',
        word: 'digest',
        object: basename(path),
        line: expect.stringMatching(/; kept in quarantine; marked lost: it is fetched again from /),
      },
      { clean: false, faults: 2 },
    ]);
    await eventually('all is well by itself', async () => (await entrepot.fsck()).length === 0, { withinMs: 60_000 });
    expect(digestOf(await layerBytes(entrepot, upstream.host, layer.digest))).toBe(layer.digest);
    const kept = await readFile(join(entrepot.data, 'blobs', 'quarantine', basename(path)));
    expect(kept.length).toBe(layer.size);
    expect(digestOf(kept)).not.toBe(layer.digest);
  }, 150_000);

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

interface Layer {
  readonly digest: string;
  readonly size: number;
}

const pathOf = (upstream: string) => `/v2/${upstream.replace(':', '_')}/library/quick`;

async function largestLayer(entrepot: Entrepot, upstream: string): Promise<Layer> {
  const { json } = await entrepot.ask('GET', `${pathOf(upstream)}/manifests/1`);
  const { layers } = json as { layers: Layer[] };
  return layers.sort((one, other) => other.size - one.size)[0]!;
}

async function layerBytes(entrepot: Entrepot, upstream: string, digest: string): Promise<Buffer> {
  const answer = await fetch(`${entrepot.url}${pathOf(upstream)}/blobs/${digest}`);
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

/** Ids begin with their time: the last of that size is the one that is read. */
async function fileOf(data: string, { size }: Layer): Promise<string> {
  const files = await objectFiles(join(data, 'blobs', 'objects'));
  const sizes = await Promise.all(files.map(async (path) => (await stat(path)).size));
  const found = files
    .filter((_, at) => sizes[at] === size)
    .sort((one, other) => (basename(one) < basename(other) ? 1 : -1));
  return found[0]!;
}

async function cutLast(path: string): Promise<void> {
  await truncate(path, (await stat(path)).size - 1);
}

async function turnByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  const at = Math.floor((await file.stat()).size / 2);
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([byte[0]! ^ 1]), 0, 1, at);
  await file.close();
}
