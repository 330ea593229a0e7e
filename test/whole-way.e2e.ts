import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DockerEngine } from '#testing/docker-engine';
import { DockerRegistry } from '#testing/docker-registry';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { folderSize } from '#testing/folder-size';
import { HOUSE } from '#testing/house';
import { NatsWire } from '#testing/nats-wire';
import { describeWithPeers } from '#testing/peers';
import { removeFolder, tempFolder } from '#testing/temp-folder';

const PEERS = ['docker-registry', 'skopeo', 'dockerd', 'docker', 'runc', 'debootstrap'];
const SIZE = 200_000_000;

describeWithPeers('one real image the whole way: pulled, listed, run, removed, gone', PEERS, () => {
  let upstream: DockerRegistry;
  let entrepot: Entrepot;
  let engine: DockerEngine;
  let wire: NatsWire;
  let digest: string;
  let repository: string;
  const stored = () => folderSize(join(entrepot.data, 'blobs', 'objects'));
  const ended = async (kind: 'pull' | 'remove') => {
    const found = (await entrepot.operations()).find((operation) => operation.kind === kind);
    return found && entrepot.completed(found.id);
  };

  beforeAll(async () => {
    const starts = [DockerRegistry.start(), Entrepot.start(SHORT_TIMES), DockerEngine.start()] as const;
    [upstream, entrepot, engine] = await Promise.all(starts);
    digest = await upstream.push('library/node:20');
    repository = `${upstream.host.replace(':', '_')}/library/node`;
    wire = await NatsWire.connect(entrepot.natsUrl);
  }, 120_000);

  afterAll(async () => {
    wire?.close();
    await Promise.all([entrepot?.destroy(), engine?.stop(), upstream?.stop()]);
  }, 60_000);

  it('comes by a message', async () => {
    await wire.publish('entrepot.request.pull', JSON.stringify({ reference: `${upstream.host}/library/node:20` }));
    const operation = await eventually('the pull ends', () => ended('pull'), { withinMs: 60_000 });
    expect(operation.image).toEqual({ repository, tag: '20', digest });
    expect(await stored()).toBeGreaterThan(SIZE);
  });

  it('is listed', async () => {
    const images = await entrepot.images();
    expect(images).toMatchObject([{ repository, tags: ['20'], digest, complete: true }]);
  });

  it('is pulled and run by a Docker engine while the upstream is away', async () => {
    await upstream.away();
    const name = `${entrepot.host}/${repository}:20`;
    expect(await engine.docker('pull', name)).toContain(`Digest: ${digest}`);
    expect(await engine.docker('run', '--rm', '--network', 'none', name)).toBe(process.version);
    await upstream.restart();
  }, 180_000);

  it('is what the image of the services is built on, and the command is in that', async () => {
    const context = await tempFolder('context');
    try {
      await layContext(context);
      const base = `${entrepot.host}/${repository}:20`;
      await engine.docker('build', '--network', 'none', '--build-arg', `BASE=${base}`, '--tag', 'entrepot', context);
      const run = (...words: string[]) =>
        engine.try('run', '--rm', '--network', 'host', '--read-only', '--volume', PACKAGES, ...words);
      const typed = (...words: string[]) => run('--entrypoint', 'entrepot', 'entrepot', ...words);
      expect(await typed('version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
      expect(await typed('images', '--url', entrepot.url, '--output', 'name')).toMatchObject({
        ...{ code: 0, stdout: `${upstream.host}/library/node:20\n`, stderr: '' },
      });
      // It begins what it is told to run, and that says what it lacks.
      expect(await run('entrepot')).toMatchObject({ code: 1, stderr: expect.stringContaining('ENTREPOT_SECRET') });
      await engine.docker('rmi', 'entrepot');
    } finally {
      await removeFolder(context);
    }
  }, 180_000);

  it('is removed by a message, and its bytes leave the disk', async () => {
    await wire.publish('entrepot.request.remove', JSON.stringify({ reference: `${upstream.host}/library/node:20` }));
    await eventually('the remove ends', () => ended('remove'));
    expect(await entrepot.images()).toEqual([]);
    await eventually('every byte is gone', async () => (await stored()) < 100_000 && (await noObjects(entrepot)));
  });

  it('leaves a store in which nothing is missing and nothing left over', async () => {
    expect(await entrepot.fsck()).toEqual([]);
  });

  it('can be pulled again, whole', async () => {
    const operation = await entrepot.completed(await entrepot.pull(`${upstream.host}/library/node:20`));
    expect(operation.image?.digest).toBe(digest);
    expect(await stored()).toBeGreaterThan(SIZE);
    expect(await entrepot.fsck()).toEqual([]);
  });
});

/** fsck says first what it compared. */
async function noObjects(entrepot: Entrepot): Promise<boolean> {
  const { stdout } = await entrepot.admin('fsck');
  return /^in the store: 0 objects, 0 bytes\nin the database: none$/m.test(stdout);
}

/** The packages of this clone in place of those that the build would install: nothing here may be downloaded. */
const PACKAGES = `${join(HOUSE, 'node_modules')}:/entrepot/node_modules:ro`;
const BUILT = 'FROM $BASE AS build\nCOPY dist /entrepot/dist\n';

/** What deploy/Dockerfile is built from, with its stages that install packages and compile done already. */
async function layContext(folder: string): Promise<void> {
  const file = await readFile(join(HOUSE, 'deploy', 'Dockerfile'), 'utf8');
  const [head, , , last] = file.split(/^(?=FROM )/m);
  const packages = 'FROM $BASE AS packages\nWORKDIR /entrepot/node_modules\n';
  await writeFile(join(folder, 'Dockerfile'), [head, packages, BUILT, last].join(''));
  for (const name of ['dist', 'package.json', 'LICENSE', 'scripts/entrepot.mjs'])
    await cp(join(HOUSE, name), join(folder, name), { recursive: true });
}
