import { randomBytes } from 'node:crypto';
import { DockerRegistry } from '#testing/docker-registry';
import { livingChildren } from '#testing/end-children';
import { Entrepot } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { pullBySkopeo } from '#testing/image-pull';
import { NatsWire } from '#testing/nats-wire';
import { describeWithPeers } from '#testing/peers';
import { addScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream, stallAfter } from '#testing/scripted-upstream';

const LEASES = {
  ENTREPOT_LEASE_MS: '2000',
  ENTREPOT_FETCH_RENEW_MS: '500',
  ENTREPOT_COMPOSE_RENEW_MS: '500',
  ENTREPOT_FETCH_SWEEP_MS: '500',
};

describeWithPeers(
  'what was accepted or stored outlives every end of the program',
  ['docker-registry', 'skopeo'],
  () => {
    let upstream: DockerRegistry;
    let scripted: ScriptedUpstream;
    let entrepot: Entrepot;
    let digest: string;

    beforeAll(async () => {
      const starts = [DockerRegistry.start(), ScriptedUpstream.start(), Entrepot.start(LEASES)] as const;
      [upstream, scripted, entrepot] = await Promise.all(starts);
      digest = await upstream.push('library/quick:1');
      await entrepot.completed(await entrepot.pull(`${upstream.host}/library/quick:1`));
    }, 90_000);

    afterAll(async () => {
      await Promise.all([entrepot?.destroy(), upstream?.stop(), scripted?.stop()]);
    }, 60_000);

    const held = () => `${entrepot.host}/${upstream.host.replace(':', '_')}/library/quick:1`;

    it('kill -9 in the middle of a pull: the next start ends the children that are left, and the pull completes', async () => {
      const layer = randomBytes(2_000_000);
      const { reference, layerUrl } = addScriptedImage(scripted, 'team/killed', layer);
      scripted.script('GET', layerUrl, stallAfter(layer, 1_000_000), 1);
      const id = await entrepot.pull(reference);
      await eventually('the layer is on its way', async () => scripted.count('GET', layerUrl) === 1);
      const before = livingChildren(entrepot.data).map(({ pid }) => pid);
      expect(before).toHaveLength(2);
      await entrepot.kill9();
      await entrepot.start();
      const after = livingChildren(entrepot.data).map(({ pid }) => pid);
      expect(after).toHaveLength(2);
      expect(after.filter((pid) => before.includes(pid))).toEqual([]);
      await entrepot.completed(id);
      expect(await entrepot.fsck()).toEqual([]);
    }, 120_000);

    it('a request that came while only the bus lived is carried out by the next start', async () => {
      const { reference } = addScriptedImage(scripted, 'team/missed', randomBytes(100_000));
      await entrepot.kill9();
      const wire = await NatsWire.connect(entrepot.natsUrl);
      expect(await wire.publish('entrepot.request.pull', JSON.stringify({ reference }))).toBeUndefined();
      wire.close();
      await entrepot.start();
      const pulled = async () =>
        (await entrepot.operations()).find(({ body, state }) => body.reference === reference && state === 'completed');
      await eventually('the pull completes', pulled);
    }, 90_000);

    it('what was held is served as before, while its upstream is away', async () => {
      await upstream.away();
      expect((await pullBySkopeo(held())).digest).toBe(digest);
      await upstream.restart();
    });

    it.each(['postgres', 'nats-server'])(
      'a killed %s: the program says so, ends with 1, and starts again on what there was',
      async (name) => {
        const child = livingChildren(entrepot.data).find((each) => each.name === name)!;
        process.kill(child.pid, 'SIGKILL');
        const { code } = await entrepot.exited;
        const said = expect.stringContaining(`${name} ended while Entrepot ran`);
        expect({ code, log: entrepot.log }).toEqual({ code: 1, log: said });
        await eventually('no child is left', async () => livingChildren(entrepot.data).length === 0);
        await entrepot.start();
        expect((await pullBySkopeo(held())).digest).toBe(digest);
        expect(await entrepot.fsck()).toEqual([]);
      },
      90_000,
    );

    it('SIGTERM: a client that reads gets its last byte, then the program ends with 0 and leaves no child', async () => {
      const layer = randomBytes(64_000_000);
      const image = addScriptedImage(scripted, 'team/drained', layer);
      await entrepot.completed(await entrepot.pull(image.reference));
      const answer = await fetch(`${entrepot.url}${image.path}/blobs/${image.layer}`);
      const ended = entrepot.stop('SIGTERM');
      const isReady = () =>
        fetch(`${entrepot.url}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        );
      await eventually('nobody is sent here any more', async () => !(await isReady()));
      expect(Buffer.from(await answer.arrayBuffer()).equals(layer)).toBe(true);
      expect(await ended).toEqual({ code: 0, signal: null });
      expect(livingChildren(entrepot.data)).toEqual([]);
      await entrepot.start();
      expect(await entrepot.fsck()).toEqual([]);
    }, 120_000);
  },
);
