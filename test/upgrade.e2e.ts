import { chmod } from 'node:fs/promises';
import type { QueryRunner } from 'typeorm';
import { Warehouse0001 } from '#apps/metadata/src/database/migrations/0001-warehouse';
import { digestOf } from '#oci/digest';
import { ACCEPTED, DockerRegistry } from '#testing/docker-registry';
import { Entrepot } from '#testing/entrepot';
import { pullBySkopeo } from '#testing/image-pull';
import { describeWithPeers } from '#testing/peers';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { firstImages, firstSchema, layFirstLayout } from './upgrade/lay-first-layout';

interface Index {
  readonly manifests?: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
}

describeWithPeers('a data folder of the first layout', ['docker-registry', 'skopeo'], () => {
  let folder: string;
  let entrepot: Entrepot;

  beforeAll(async () => {
    folder = await tempFolder('first-layout');
    await chmod(folder, 0o711);
    await layFirstLayout(folder);
  }, 60_000);

  afterAll(async () => {
    await entrepot?.destroy();
    if (folder) await removeFolder(folder);
  }, 60_000);

  /** The image of a tag that must have this digest; of an index the one that is held. */
  async function whatRuns(repository: string, tag: string, digest: string): Promise<string> {
    const { text } = await entrepot.ask('GET', `/v2/${repository}/manifests/${tag}`, undefined, { accept: ACCEPTED });
    expect(digestOf(Buffer.from(text))).toBe(digest);
    const { manifests } = JSON.parse(text) as Index;
    return manifests?.find(({ platform }) => platform.architecture === 'amd64')?.digest ?? digest;
  }

  it('is opened by this program, which says what it changed', async () => {
    entrepot = await Entrepot.start({ ENTREPOT_DATA: folder, ENTREPOT_LOG_LEVEL: 'info' });
    expect(entrepot.log).toMatch(/migrated from schema 1 to \d+/);
  }, 90_000);

  it('has every image that it had, byte for byte, while their upstream is away', async () => {
    const wanted = await firstImages();
    expect(wanted.map(({ tags }) => tags)).toEqual([['2'], ['1'], ['1']]);
    const images = await entrepot.images();
    for (const image of wanted) expect(images).toContainEqual(expect.objectContaining(image));
    expect(images).toHaveLength(wanted.length);
    for (const { repository, tags, digest } of wanted) {
      const name = `${entrepot.host}/${repository}`;
      const image = await whatRuns(repository, tags[0]!, digest);
      expect((await pullBySkopeo(`${name}@${image}`)).digest).toBe(image);
    }
  }, 60_000);

  it('has nothing missing and nothing left over', async () => {
    expect(await entrepot.fsck()).toEqual([]);
  });

  it('takes new work', async () => {
    const upstream = await DockerRegistry.start();
    try {
      const digest = await upstream.push('library/quick:1');
      const operation = await entrepot.completed(await entrepot.pull(`${upstream.host}/library/quick:1`));
      expect(operation.image?.digest).toBe(digest);
    } finally {
      await upstream.stop();
    }
    const { repository, tags } = (await firstImages())[0]!;
    const removed = `${repository.replace('_', ':')}:${tags[0]}`;
    await entrepot.completed(await entrepot.remove(removed));
    expect((await entrepot.images(repository)).map((image) => image.tags)).toEqual([['1']]);
    expect(await entrepot.fsck()).toEqual([]);
  }, 90_000);

  it('has a schema that the first migration still makes as it made it then', async () => {
    const statements: string[] = [];
    const runner = { query: async (text: string) => void statements.push(text.trim()) };
    await new Warehouse0001().up(runner as unknown as QueryRunner);
    expect(`${statements.join(';\n\n')};\n`).toBe(await firstSchema());
  });

  it('is opened again, and by then needs no migration', async () => {
    await entrepot.stop();
    await entrepot.start();
    expect(entrepot.log).not.toContain('migrated');
  }, 90_000);
});
