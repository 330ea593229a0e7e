import { randomBytes } from 'node:crypto';
import type { TrashEntry } from '#contracts/calls/trash';
import type { Operation } from '#contracts/operation';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { addScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';

describe('what was removed', () => {
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  beforeAll(async () => {
    const settings = { ...SHORT_TIMES, ENTREPOT_UNDO_MS: '600000' };
    [upstream, entrepot] = await Promise.all([ScriptedUpstream.start(), Entrepot.start(settings)]);
  }, 90_000);
  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  const operation = (body: object) => entrepot.ask('POST', '/api/v1/operations', body);
  const trash = async () => (await entrepot.ask('GET', '/api/v1/trash')).json as TrashEntry[];

  it('outlives a restart, and comes back under its tags byte for byte, without its upstream', async () => {
    const layer = randomBytes(300_000);
    const image = addScriptedImage(upstream, 'team/app', layer);
    await entrepot.completed(await entrepot.pull(image.reference));
    const host = new URL(entrepot.url).host;
    for (const tag of ['1', 'latest']) {
      const target = `${host}/mine/app:${tag}`;
      expect((await operation({ kind: 'tag', source: image.reference, target })).json).toMatchObject({
        state: 'completed',
      });
    }
    const before = await fetch(`${entrepot.url}/v2/mine/app/manifests/latest`);
    const bytes = Buffer.from(await before.arrayBuffer());
    await entrepot.ended(await entrepot.removeNow(image.reference));
    const digest = before.headers.get('docker-content-digest');
    const removed = await operation({ kind: 'remove', reference: `${host}/mine/app@${digest}` });
    expect((removed.json as Operation).outcome).toMatchObject({ removedCount: 3, left: [] });
    expect((await fetch(`${entrepot.url}/v2/mine/app/manifests/latest`)).status).toBe(404);

    await entrepot.stop();
    await entrepot.start({ ...SHORT_TIMES, ENTREPOT_UNDO_MS: '600000' });
    const [entry] = await trash();
    expect(entry).toMatchObject({ repository: 'mine/app', tags: ['1', 'latest'], whole: true });
    const back = await entrepot.ask('POST', `/api/v1/trash/${entry!.id}/restore`);
    expect(back).toMatchObject({ status: 200, json: { digest, tags: ['1', 'latest'] } });
    expect(await trash()).toEqual([]);
    for (const tag of ['1', 'latest']) {
      const answer = await fetch(`${entrepot.url}/v2/mine/app/manifests/${tag}`);
      expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
    }
    const blob = await fetch(`${entrepot.url}/v2/mine/app/blobs/${image.layer}`);
    expect(Buffer.from(await blob.arrayBuffer()).equals(layer)).toBe(true);
    expect(await entrepot.ask('POST', `/api/v1/trash/${entry!.id}/restore`)).toMatchObject({ status: 409 });
    expect(await entrepot.fsck()).toEqual([]);
  }, 90_000);
});
