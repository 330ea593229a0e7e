import { join } from 'node:path';
import { DockerEngine } from '#testing/docker-engine';
import { DockerRegistry } from '#testing/docker-registry';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { HOUSE } from '#testing/house';
import { describeWithPeers } from '#testing/peers';
import { RunningProgram } from '#testing/run-program';

const COMMAND = join(HOUSE, 'dist', 'apps', 'cli', 'src', 'main.js');
const PEERS = ['docker-registry', 'skopeo', 'dockerd', 'docker', 'runc', 'debootstrap'];
const IMAGE = 'library/debian:bookworm';

interface Container {
  readonly name: string;
  readonly state: string;
  readonly image: { readonly digest: string };
}

describeWithPeers('what a Docker engine runs', PEERS, () => {
  let upstream: DockerRegistry;
  let entrepot: Entrepot;
  let engine: DockerEngine;
  let digest: string;
  let reporter: RunningProgram | undefined;

  beforeAll(async () => {
    [upstream, entrepot, engine] = await Promise.all([
      DockerRegistry.start(),
      Entrepot.start({ ...SHORT_TIMES, ENTREPOT_UNDO_MS: '60000' }),
      DockerEngine.start(),
    ]);
    digest = await upstream.push(IMAGE);
  }, 120_000);
  afterEach(() => reporter?.stop('SIGKILL'));
  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), engine?.stop(), upstream?.stop()]);
  }, 60_000);

  const reference = () => `${upstream.host}/${IMAGE}`;
  const begin = (...more: string[]) => {
    const words = ['report', 'docker', '--host', `unix://${engine.socket}`, '--url', entrepot.url, '--name', 'build-1'];
    return new RunningProgram(process.execPath, [COMMAND, ...words, '--heartbeat', '5', '--lease', '10', ...more]);
  };
  const containers = async () => (await entrepot.ask('GET', '/api/v1/containers')).json as Container[];
  const shows = (...wanted: string[]) =>
    eventually(`the containers are ${wanted}`, async () => {
      const found = (await containers()).map(({ name, state }) => `${name} ${state}`);
      return String(found.sort()) === String(wanted);
    });
  const remove = () => entrepot.ask('DELETE', `/api/v1/images?reference=${encodeURIComponent(reference())}`);

  it('is in use here while it says so, and for its lease after; then it is no more', async () => {
    await entrepot.completed(await entrepot.pull(reference()));
    reporter = begin();
    await reporter.says(/reported 0 containers as build-1/);
    const name = `${entrepot.host}/${upstream.host.replace(':', '_')}/${IMAGE}`;
    await engine.docker('pull', '--quiet', name);
    await engine.docker('run', '--detach', '--network', 'none', '--name', 'web', name, 'sleep', '600');
    await shows('build-1/web running');
    expect((await containers())[0]!.image.digest).toBe(digest);
    expect(await remove()).toMatchObject({
      status: 409,
      json: { code: 'CONFLICT', detail: expect.stringContaining('build-1/web') },
    });

    await engine.docker('pause', 'web');
    await shows('build-1/web paused');
    await engine.docker('unpause', 'web');
    await engine.docker('kill', 'web');
    await shows('build-1/web exited');
    await engine.docker('rename', 'web', 'old');
    await shows('build-1/old exited');

    // Longer than the lease: heartbeats keep it.
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    await shows('build-1/old exited');
    const ended = Date.now();
    expect(await reporter.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await shows('build-1/old exited');
    await shows();
    expect(Date.now() - ended).toBeGreaterThan(4_000);
    expect(await remove()).toMatchObject({ status: 200, json: { state: 'completed' } });
    expect(reporter.stdout).toBe('');
  }, 110_000);

  it('is taken back at once by one that withdraws; what is not held here is said', async () => {
    reporter = begin('--withdraw');
    await reporter.says(/reported 1 containers as build-1: 0 new.*of 1 the image is not held here: .*bookworm/);
    await entrepot.completed(await entrepot.pull(reference()));
    await shows('build-1/old exited');
    expect(await reporter.stop('SIGINT')).toEqual({ code: 0, signal: null });
    expect(await containers()).toEqual([]);
  }, 60_000);
});
