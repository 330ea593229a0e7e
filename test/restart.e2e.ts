import { randomBytes } from 'node:crypto';
import { DockerRegistry } from '#testing/docker-registry';
import { livingChildren } from '#testing/end-children';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { pullBySkopeo } from '#testing/image-pull';
import { describeWithPeers } from '#testing/peers';
import { ScriptedUpstream, stallAfter } from '#testing/scripted-upstream';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';

describeWithPeers(
  'what was accepted or stored outlives every end of the program',
  ['docker-registry', 'skopeo'],
  () => {
    let upstream: DockerRegistry;
    let slow: ScriptedUpstream;
    let entrepot: Entrepot;
    let digest: string;
    const layer = randomBytes(2_000_000);
    const leases = { ENTREPOT_LEASE_MS: '2000', ENTREPOT_FETCH_RENEW_MS: '500', ENTREPOT_FETCH_SWEEP_MS: '500' };

    beforeAll(async () => {
      const starts = [DockerRegistry.start(), ScriptedUpstream.start(), Entrepot.start(leases)] as const;
      [upstream, slow, entrepot] = await Promise.all(starts);
      digest = await upstream.push('library/quick:1');
      await entrepot.completed(await entrepot.pull(`${upstream.host}/library/quick:1`));
    }, 90_000);

    afterAll(async () => {
      await Promise.all([entrepot?.destroy(), upstream?.stop(), slow?.stop()]);
    }, 60_000);

    const reference = () => `${upstream.host.replace(':', '_')}/library/quick:1`;

    /** An image with one layer, of which the first download stalls half-way. */
    function stalling(name: string): string {
      const blob = slow.addBlob(layer);
      const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', name }));
      slow.script('GET', new RegExp(blob), stallAfter(layer, 1_000_000), 1);
      slow.addManifest(name, '1', {
        schemaVersion: 2,
        mediaType: IMAGE,
        config: {
          mediaType: 'application/vnd.oci.image.config.v1+json',
          digest: slow.addBlob(config),
          size: config.length,
        },
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: blob, size: layer.length }],
      } as { mediaType: string });
      return `${slow.domain}/${name}:1`;
    }

    it('kill -9 in the middle of a pull: the next start ends what is left of the children, and the pull completes', async () => {
      const id = await entrepot.pull(stalling('team/killed'));
      await eventually(
        'bytes are on their way',
        async () =>
          (await entrepot.operation(id)).bytesDone >= 0 && slow.bodyBytes >= 0 && slow.count('GET', /blobs/) >= 2,
      );
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

    it('serves what it held as before, and asks the upstream for none of it', async () => {
      await upstream.away();
      expect((await pullBySkopeo(`${entrepot.host}/${reference()}`)).digest).toBe(digest);
      await upstream.restart();
    });

    it('takes what was published while the program was dead', async () => {
      await entrepot.stop();
      await entrepot.start();
      const { json } = await entrepot.ask('GET', '/api/v1/operations');
      expect((json as unknown[]).length).toBeGreaterThanOrEqual(2);
    }, 60_000);

    it.each(['postgres', 'nats-server'])(
      'a killed %s: the program says so, ends with 1, and starts again on what there was',
      async (name) => {
        const child = livingChildren(entrepot.data).find((each) => each.name === name)!;
        process.kill(child.pid, 'SIGKILL');
        const { code } = await entrepot.exited;
        expect({ code, log: entrepot.log }).toEqual({
          code: 1,
          log: expect.stringContaining(`${name} ended while Entrepot ran`),
        });
        await eventually('no child is left', async () => livingChildren(entrepot.data).length === 0);
        await entrepot.start();
        expect((await pullBySkopeo(`${entrepot.host}/${reference()}`)).digest).toBe(digest);
        expect(await entrepot.fsck()).toEqual([]);
      },
      90_000,
    );

    it('SIGTERM: a client that reads gets its last byte, then the program ends with 0 and leaves no child', async () => {
      const blob = slow.addBlob(layer);
      const pull = await entrepot.pull(stalling('team/drained'));
      await entrepot.ended(pull, 60_000);
      const path = `/v2/${slow.domain.replace(':', '_')}/team/drained/blobs/${blob}`;
      const answer = await fetch(`${entrepot.url}${path}`);
      const ended = entrepot.stop('SIGTERM');
      expect(Buffer.from(await answer.arrayBuffer()).equals(layer)).toBe(true);
      expect(await ended).toEqual({ code: 0, signal: null });
      expect(livingChildren(entrepot.data)).toEqual([]);
      await expect(fetch(`${entrepot.url}/livez`)).rejects.toThrow();
      await entrepot.start(SHORT_TIMES);
      expect(await entrepot.fsck()).toEqual([]);
    }, 120_000);
  },
);
