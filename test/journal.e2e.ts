import { execFileSync } from 'node:child_process';
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '#oci/digest';
import { DockerRegistry } from '#testing/docker-registry';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { describeWithPeers } from '#testing/peers';

type Line = Record<string, string | null>;

describeWithPeers('the store keeps a journal of all names', ['docker-registry', 'skopeo'], () => {
  let upstream: DockerRegistry;
  let entrepot: Entrepot;
  let digest: string;
  let reference: string;
  let repository: string;

  beforeAll(async () => {
    [upstream, entrepot] = await Promise.all([DockerRegistry.start(), Entrepot.start(SHORT_TIMES)]);
    digest = await upstream.push('library/quick:1');
    reference = `${upstream.host}/library/quick:1`;
    repository = `${upstream.host.replace(':', '_')}/library/quick`;
  }, 90_000);
  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  const segments = async () => {
    const folder = join(entrepot.data, 'blobs', 'journal');
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    return Promise.all(
      names
        .filter((name) => name.endsWith('.jsonl'))
        .sort()
        .map(async (name) => ({ name: name.replace(/^.*\//, ''), text: await readFile(join(folder, name), 'utf8') })),
    );
  };
  const lines = async (): Promise<Line[]> =>
    (await segments()).flatMap(({ text }) =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    );
  const written = (wanted: Line) =>
    eventually(`${wanted.kind} is in the store`, async () =>
      (await lines()).find((line) => Object.entries(wanted).every(([key, value]) => line[key] === value)),
    );

  it('in which a pulled image is whole but for its layers', async () => {
    await entrepot.completed(await entrepot.pull(reference));
    await written({ kind: 'tag', repository, tag: '1', digest });
    await written({ kind: 'repository', repository });
    const manifest = await written({ kind: 'manifest', repository, digest });
    expect(digestOf(Buffer.from(manifest.bytes!, 'base64'))).toBe(digest);
    expect(await entrepot.fsck()).toEqual([]);
  }, 60_000);

  it('also of what goes', async () => {
    await entrepot.completed(await entrepot.remove(reference));
    await written({ kind: 'tag-removed', repository, tag: '1' });
    await written({ kind: 'manifest-removed', repository, digest });
  }, 60_000);

  it('which a database that was restored from a backup does not write over, and which keeps it from purging', async () => {
    const postgres = join(entrepot.data, 'postgres');
    await entrepot.stop();
    // With its owner: Postgres may run as another user.
    execFileSync('cp', ['-a', postgres, `${postgres}.backup`]);
    await entrepot.start();
    await entrepot.completed(await entrepot.pull(reference));
    await written({ kind: 'tag', repository, tag: '1', digest });
    await entrepot.stop();
    const before = await segments();
    await rename(postgres, `${postgres}.newer`);
    await rename(`${postgres}.backup`, postgres);
    await entrepot.start();
    await eventually('it is noticed', async () => /which was restored: it is read from where/.test(entrepot.log));
    await entrepot.completed(await entrepot.pull(reference));
    const after = await eventually('the next generation is written', async () => {
      const found = await segments();
      return found.some(({ name }) => name.startsWith('000002-')) && found;
    });
    expect(after).toEqual(expect.arrayContaining(before));
  }, 120_000);
});
