import type { RemoveOutcome } from '#contracts/bodies/remove';
import type { Operation } from '#contracts/operation';
import { DockerEngine } from '#testing/docker-engine';
import { Entrepot } from '#testing/entrepot';
import { digestOfJson, imageIndex, imageManifest } from '#testing/image-parts';
import { describeWithPeers } from '#testing/peers';
import { ScriptedUpstream } from '#testing/scripted-upstream';

/** What somebody is told who removes something: it went, it is refused as things are, it is unknown. */
type Told = 'gone' | 'refused' | 'unknown';

interface Answered {
  readonly told: Told;
  /** The names that are left, sorted. */
  readonly left: readonly string[];
}

interface Case {
  readonly what: string;
  readonly names: readonly string[];
  /** The name that a container is made of. */
  readonly used?: string;
  /** What is removed, of the image's digest and those of its parts. */
  readonly removes: (image: Image) => string;
  readonly force?: boolean;
  readonly docker: Answered;
  /** Where ours is another answer than Docker's: which, and why. */
  readonly ours?: Answered & { readonly why: string };
}

interface Image {
  readonly digest: string;
  readonly child: string;
  readonly config: string;
}

const gone = (...left: string[]): Answered => ({ told: 'gone', left });
const refused = (...left: string[]): Answered => ({ told: 'refused', left });
const unknown = (...left: string[]): Answered => ({ told: 'unknown', left });

const KEPT = 'what a record uses is never deleted: force takes the names, whatever the container does';

const CASES: readonly Case[] = [
  { what: 'a name of two', names: ['a:1', 'a:2'], removes: () => 'a:1', docker: gone('a:2') },
  { what: 'the last name', names: ['a:1'], removes: () => 'a:1', docker: gone() },
  {
    what: 'a name with a digest',
    names: ['a:1', 'a:2', 'b:1'],
    removes: ({ digest }) => `a@${digest}`,
    docker: gone('b:1'),
  },
  {
    what: 'a tag with a digest',
    names: ['a:1', 'a:2', 'b:1'],
    removes: ({ digest }) => `a:1@${digest}`,
    docker: gone('a:2', 'b:1'),
  },
  {
    what: 'a tag that is not there with a digest',
    names: ['a:1', 'b:1'],
    removes: ({ digest }) => `a:3@${digest}`,
    docker: unknown('a:1', 'b:1'),
  },
  { what: 'an id', names: ['a:1'], removes: ({ digest }) => digest, docker: gone() },
  { what: 'the beginning of an id', names: ['a:1'], removes: ({ digest }) => digest.slice(7, 19), docker: gone() },
  {
    what: 'an id with two names in one repository',
    names: ['a:1', 'a:2'],
    removes: ({ digest }) => digest,
    docker: refused('a:1', 'a:2'),
  },
  {
    what: 'an id with names in two repositories',
    names: ['a:1', 'b:1'],
    removes: ({ digest }) => digest,
    docker: refused('a:1', 'b:1'),
  },
  {
    what: 'an id with names in two repositories, forced',
    names: ['a:1', 'b:1'],
    removes: ({ digest }) => digest,
    force: true,
    docker: gone(),
  },
  { what: 'the last name of what is used', names: ['a:1'], used: 'a:1', removes: () => 'a:1', docker: refused('a:1') },
  {
    what: 'the last name of what is used, forced',
    names: ['a:1'],
    used: 'a:1',
    removes: () => 'a:1',
    force: true,
    docker: gone(),
  },
  {
    what: 'a name of two of what is used by it',
    names: ['a:1', 'a:2'],
    used: 'a:1',
    removes: () => 'a:1',
    docker: gone('a:2'),
  },
  {
    what: 'all names of what is used',
    names: ['a:1', 'a:2'],
    used: 'a:1',
    removes: ({ digest }) => `a@${digest}`,
    docker: refused('a:1', 'a:2'),
  },
  {
    what: 'an id of what is used',
    names: ['a:1'],
    used: 'a:1',
    removes: ({ digest }) => digest,
    docker: refused('a:1'),
  },
  { what: 'nothing', names: ['a:1'], removes: () => 'nope:1', docker: unknown('a:1') },
  {
    what: 'the digest of a config',
    names: ['a:1'],
    removes: ({ config }) => config,
    docker: unknown('a:1'),
    ours: { ...gone(), why: 'older Docker calls it the id of the image, and shows it as such' },
  },
  {
    what: 'an image of an index',
    names: ['a:1'],
    removes: ({ child }) => child,
    docker: unknown('a:1'),
    ours: { ...refused('a:1'), why: 'it is here: whoever asks is told of which index it is' },
  },
];

describeWithPeers('removing, beside Docker', ['dockerd-29', 'docker'], () => {
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  let engine: DockerEngine;
  let host: string;

  beforeAll(async () => {
    const starts = [ScriptedUpstream.start(), Entrepot.start(), DockerEngine.start('dockerd-29')] as const;
    [upstream, entrepot, engine] = await Promise.all(starts);
    host = new URL(entrepot.url).host;
  }, 120_000);
  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop(), engine?.stop()]);
  }, 60_000);

  /** An index of one image, with a layer that an engine can unpack. */
  function publish(name: string): Image & { reference: string } {
    const layer = Buffer.alloc(1024);
    const diffId = upstream.addBlob(layer);
    const shape = { architecture: 'amd64', os: 'linux', config: { Cmd: ['/none'], Labels: { name } } };
    const config = Buffer.from(JSON.stringify({ ...shape, rootfs: { type: 'layers', diff_ids: [diffId] } }));
    const manifest = imageManifest(config, layer);
    const plain = { ...manifest, layers: manifest.layers.map((each) => ({ ...each, mediaType: TAR })) };
    const index = imageIndex({ manifest: plain, platform: 'linux/amd64' });
    const configDigest = upstream.addBlob(config);
    upstream.addManifest(name, null, plain);
    const digest = upstream.addManifest(name, '1', index);
    return { digest, child: digestOfJson(plain), config: configDigest, reference: `${upstream.domain}/${name}:1` };
  }

  async function askDocker({ names, used, removes, force }: Case, image: Image & { reference: string }) {
    await engine.docker('pull', '-q', image.reference);
    for (const name of names) await engine.docker('tag', image.reference, name);
    await engine.docker('rmi', image.reference);
    if (used !== undefined) await engine.docker('create', '--name', 'web', used);
    const { code, stderr } = await engine.try('rmi', ...(force ? ['-f'] : []), removes(image));
    const listed = await engine.docker('images', '--format', '{{.Repository}}:{{.Tag}}');
    const left = listed.split('\n').filter((name) => name !== '' && !name.includes('<none>'));
    if (used !== undefined) await engine.docker('rm', '-f', 'web');
    for (const name of left) await engine.docker('rmi', name);
    if (code === 0) return { told: 'gone', left: left.sort() };
    return {
      told: /No such image/.test(stderr) ? 'unknown' : /conflict/.test(stderr) ? 'refused' : stderr,
      left: left.sort(),
    };
  }

  const operation = (body: object) => entrepot.ask('POST', '/api/v1/operations', body);
  const here = (name: string) => (/^[a-z]+[:@]/.test(name) && !name.startsWith('sha256:') ? `${host}/${name}` : name);

  async function askUs({ names, used, removes, force }: Case, image: Image & { reference: string }) {
    await entrepot.completed(await entrepot.pull(image.reference, { platforms: 'all' }));
    for (const name of names) await operation({ kind: 'tag', source: image.reference, target: here(name) });
    await entrepot.ended(await entrepot.removeNow(image.reference));
    if (used !== undefined) await operation({ kind: 'container-create', image: here(used), name: 'web' });
    const { status, json } = await operation({
      kind: 'remove',
      reference: here(removes(image)),
      force: force ?? false,
    });
    const left: string[] = [];
    for (const repository of new Set(names.map((name) => name.split(':')[0]!))) {
      const { json: page } = await entrepot.ask('GET', `/api/v1/images?repository=${repository}`);
      for (const { tags } of page as { tags: string[] }[]) left.push(...tags.map((tag) => `${repository}:${tag}`));
    }
    if (used !== undefined) await operation({ kind: 'container-remove', container: 'web', force: true });
    for (const name of left) await operation({ kind: 'remove', reference: here(name) });
    if (status === 202) expect(((json as Operation).outcome as RemoveOutcome).left).toEqual([]);
    const told = { 202: 'gone', 404: 'unknown', 409: 'refused' }[status] ?? JSON.stringify(json);
    return { told, left: left.sort() };
  }

  it.each(CASES.map((each, nth) => ({ ...each, nth })))(
    '$what',
    async (each) => {
      const image = publish(`team/case-${each.nth}`);
      const { why: _, ...ours } = each.ours ?? { why: '', ...each.docker };
      expect({ docker: await askDocker(each, image), ours: await askUs(each, image) }).toEqual({
        docker: each.docker,
        ours,
      });
    },
    60_000,
  );

  it('an id, forced, of what is used: Docker deletes it under its container, and here its content stays', async () => {
    const image = publish('team/forced');
    const forced = {
      what: KEPT,
      names: ['a:1'],
      used: 'a:1',
      removes: () => image.digest,
      force: true,
      docker: gone(),
    };
    expect(await askDocker(forced, image)).toEqual(gone());
    await entrepot.completed(await entrepot.pull(image.reference, { platforms: 'all' }));
    await operation({ kind: 'tag', source: image.reference, target: here('a:1') });
    await entrepot.ended(await entrepot.removeNow(image.reference));
    await operation({ kind: 'container-create', image: here('a:1'), name: 'web' });
    const { json } = await operation({ kind: 'remove', reference: here('a:1'), force: true });
    expect((json as Operation).outcome).toMatchObject({ marked: ['web'], containers: [] });
    const answer = await fetch(`${entrepot.url}/v2/a/manifests/${image.digest}`);
    expect(answer.status).toBe(200);
  }, 60_000);
});

const TAR = 'application/vnd.oci.image.layer.v1.tar';
