import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { DockerEngine } from '#testing/docker-engine';
import { DockerRegistry } from '#testing/docker-registry';
import { Entrepot } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { pullByCrane, pullBySkopeo } from '#testing/image-pull';
import { describeWithPeers, peer } from '#testing/peers';
import { runWell } from '#testing/run-program';

const PEERS = ['docker-registry', 'skopeo', 'crane', 'nats', 'dockerd', 'docker', 'runc', 'debootstrap'];
const PLATFORM = { 'library/node': '20', 'library/multi': '1' } as const;

/** Publishes as a person without any client does: two lines of text on a socket. */
function publishByHand(port: number, subject: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
      if (heard.includes('PONG')) socket.end();
    });
    socket.on('error', reject).on('close', () => resolve(heard));
    socket.write(`CONNECT {}\r\nPUB ${subject} ${Buffer.byteLength(body)}\r\n${body}\r\nPING\r\n`);
  });
}

describeWithPeers('the first pull, as a newcomer types it', PEERS, () => {
  let upstream: DockerRegistry;
  let entrepot: Entrepot;
  let engine: DockerEngine;
  const digests = new Map<string, string>();
  const here = (repository: string) => `${upstream.host.replace(':', '_')}/${repository}`;

  beforeAll(async () => {
    [upstream, entrepot, engine] = await Promise.all([DockerRegistry.start(), Entrepot.start(), DockerEngine.start()]);
    for (const [repository, tag] of Object.entries(PLATFORM)) {
      const image = `${repository}:${tag}` as 'library/node:20';
      digests.set(repository, await upstream.push(image));
    }
    digests.set('library/quick', await upstream.push('library/quick:1'));
  }, 180_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), engine?.stop(), upstream?.stop()]);
  }, 60_000);

  it('is accepted over HTTP with the place to look, and ends completed', async () => {
    const body = { kind: 'pull', reference: `${upstream.host}/library/node:20` };
    const { status, headers, json } = await entrepot.ask('POST', '/api/v1/operations', body);
    expect(status).toBe(202);
    const { id } = json as { id: string };
    expect(headers.get('location')).toBe(`/api/v1/operations/${id}`);
    const operation = await entrepot.completed(id);
    expect(operation.image).toEqual({
      repository: here('library/node'),
      tag: '20',
      digest: digests.get('library/node'),
    });
    expect(operation.bytesDone).toBe(operation.bytesTotal);
    expect(operation.bytesTotal).toBeGreaterThan(200_000_000);
  });

  it('lists the image with its digest, its tag and its size', async () => {
    const [image, ...others] = await entrepot.images(here('library/node'));
    expect(others).toEqual([]);
    expect(image).toMatchObject({
      repository: here('library/node'),
      tags: ['20'],
      digest: digests.get('library/node'),
      id: digests.get('library/node'),
      complete: true,
      source: 'fetched',
      platforms: ['linux/amd64'],
    });
    expect(image!.size).toBeGreaterThan(200_000_000);
  });

  it('takes the same request from the nats command, and from two lines on a socket, and does each once', async () => {
    const natsPort = Number(new URL(entrepot.natsUrl).port);
    const pull = (reference: string) => JSON.stringify({ reference: `${upstream.host}/${reference}` });
    await runWell(peer('nats'), ['-s', entrepot.natsUrl, 'pub', 'entrepot.request.pull', pull('library/quick:1')]);
    const said = await publishByHand(natsPort, 'entrepot.request.pull', pull('library/multi:1'));
    expect(said).not.toContain('-ERR');
    for (const repository of ['library/quick', 'library/multi']) {
      const tagged = async () => (await entrepot.images(here(repository))).find(({ tags }) => tags.includes('1'));
      const image = await eventually(`${repository} has its tag`, tagged);
      expect(image).toMatchObject({ digest: digests.get(repository), tags: ['1'], complete: true });
    }
    const states = (await entrepot.operations()).map((operation) => operation.state);
    expect(states).toEqual(['completed', 'completed', 'completed']);
  });

  it('does once what is published twice under one id', async () => {
    const id = randomUUID();
    const event = JSON.stringify({
      specversion: '1.0',
      id,
      source: '/test',
      type: 'dev.entrepot.request.pull.v1',
      data: { reference: `${upstream.host}/library/quick:1` },
    });
    const natsPort = Number(new URL(entrepot.natsUrl).port);
    for (let time = 0; time < 2; time += 1) await publishByHand(natsPort, 'entrepot.request.pull', event);
    const own = async () => (await entrepot.operations()).filter((operation) => operation.requestId === id);
    await eventually('it ends', async () => (await own())[0]?.state === 'completed');
    expect(await own()).toHaveLength(1);
  });

  it.each(['library/quick', 'library/node', 'library/multi'])(
    'gives %s to skopeo byte for byte',
    async (repository) => {
      const tag = { ...PLATFORM, 'library/quick': '1' }[repository];
      const ours = await pullBySkopeo(`${entrepot.host}/${here(repository)}:${tag}`);
      expect(ours).toEqual(await pullBySkopeo(`${upstream.host}/${repository}:${tag}`));
      expect(ours.digest).toBe(digests.get(repository));
    },
  );

  it.each(['library/quick:1', 'library/node:20'])('gives %s to crane', async (name) => {
    const { digest } = await pullByCrane(`${entrepot.host}/${here(name)}`);
    expect(digest).toBe(digests.get(name.replace(/:.*/, '')));
  });

  it('gives the image to a Docker engine, which runs it', async () => {
    const name = `${entrepot.host}/${here('library/node')}:20`;
    const said = await engine.docker('pull', name);
    expect(said).toContain(`Digest: ${digests.get('library/node')}`);
    expect(await engine.docker('run', '--rm', '--network', 'none', name)).toBe(process.version);
  }, 120_000);

  it('brings what nobody asked for by message when a client pulls it', async () => {
    await upstream.push('library/quick:1', 'library/unasked:1');
    const said = await engine.docker('pull', `${entrepot.host}/${here('library/unasked')}:1`);
    expect(said).toContain(`Digest: ${digests.get('library/quick')}`);
  });

  it('has a store in which nothing is missing and nothing left over', async () => {
    expect(await entrepot.fsck()).toEqual([]);
  });
});
