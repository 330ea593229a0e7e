import { randomBytes } from 'node:crypto';
import type { TrashEntry } from '#contracts/calls/trash';
import type { Operation } from '#contracts/operation';
import { eventually } from '#testing/eventually';
import { folderSize } from '#testing/folder-size';
import { addScriptedImage } from '#testing/scripted-image';
import type { Stage } from './stage';

/** What is removed goes with its bytes, or comes back; what another gateway said a moment ago counts at once. */
export function removalSuite(stage: Stage): void {
  const operation = (body: object) => stage.warehouse.ask('POST', '/api/v1/operations', body);
  const stored = () => folderSize(stage.warehouse.objects);
  const digestOf = async (tag: string) => {
    const { status, headers } = await stage.warehouse.ask('HEAD', `/v2/mine/app/manifests/${tag}`);
    return status === 200 ? headers.get('docker-content-digest') : status;
  };

  it('a tag that was moved is what everybody is answered from then on', async () => {
    const digests: string[] = [];
    for (const name of ['team/first', 'team/second']) {
      const { reference } = addScriptedImage(stage.upstream, name, randomBytes(1000));
      const { image } = await stage.warehouse.completed(await stage.warehouse.pull(reference));
      digests.push(image!.digest);
    }
    const target = `${stage.warehouse.host}/mine/app:moving`;
    for (let round = 0; round < 10; round += 1) {
      const source = digests[round % 2];
      expect(await stage.warehouse.ask('PUT', '/api/v1/tags', { source, target })).toMatchObject({
        status: round === 0 ? 201 : 200,
        json: { to: source, from: round === 0 ? null : digests[(round + 1) % 2] },
      });
      expect([await digestOf('moving'), await digestOf('moving')]).toEqual([source, source]);
    }
    const untag = `/api/v1/tags?reference=${encodeURIComponent(target)}`;
    expect(await stage.warehouse.ask('DELETE', untag)).toMatchObject({ status: 200 });
    expect([await digestOf('moving'), await digestOf('moving')]).toEqual([404, 404]);
    expect(await stage.warehouse.ask('POST', '/api/v1/tags/rollback', { reference: target })).toMatchObject({
      status: 200,
      json: { from: null, to: digests[1] },
    });
    expect([await digestOf('moving'), await digestOf('moving')]).toEqual([digests[1], digests[1]]);
  }, 60_000);

  it('what is removed twice at once is removed once', async () => {
    const { reference } = addScriptedImage(stage.upstream, 'team/twice', randomBytes(1000));
    await stage.warehouse.completed(await stage.warehouse.pull(reference));
    const remove = () => stage.warehouse.ask('DELETE', `/api/v1/images?reference=${encodeURIComponent(reference)}`);
    const answers = await Promise.all([remove(), remove(), remove(), remove()]);
    // Whoever named it while it was there, and was later, is told that it is gone already; whoever was later yet, 404.
    const told = answers.filter(({ status }) => status !== 404).map(({ json }) => (json as Operation).outcome!);
    expect(told.filter(({ removedCount }) => removedCount !== 0)).toHaveLength(1);
    for (const { removedCount, left } of told) expect(removedCount === 0).toBe(String(left).includes('gone already'));
  });

  it('what was removed comes back with its tags byte for byte, once', async () => {
    const layer = randomBytes(300_000);
    const image = addScriptedImage(stage.upstream, 'team/back', layer);
    await stage.warehouse.completed(await stage.warehouse.pull(image.reference));
    for (const tag of ['1', 'latest'])
      await operation({ kind: 'tag', source: image.reference, target: `${stage.warehouse.host}/mine/app:${tag}` });
    const digest = await digestOf('latest');
    await stage.warehouse.ended(await stage.warehouse.removeNow(image.reference));
    const removed = await operation({ kind: 'remove', reference: `${stage.warehouse.host}/mine/app@${digest}` });
    expect((removed.json as Operation).outcome).toMatchObject({ removedCount: 3, left: [] });
    expect([await digestOf('1'), await digestOf('latest')]).toEqual([404, 404]);
    const { json } = await stage.warehouse.ask('GET', '/api/v1/trash?repository=mine/app');
    const [entry] = (json as TrashEntry[]).filter((each) => each.digest === digest);
    expect(entry).toMatchObject({ tags: ['1', 'latest'], whole: true });
    const restore = () => stage.warehouse.ask('POST', `/api/v1/trash/${entry!.id}/restore`);
    const answers = await Promise.all([restore(), restore()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect([await digestOf('1'), await digestOf('latest')]).toEqual([digest, digest]);
    const blob = await fetch(`${stage.warehouse.nextUrl()}/v2/mine/app/blobs/${image.layer}`);
    expect(Buffer.from(await blob.arrayBuffer()).equals(layer)).toBe(true);
  }, 60_000);

  it('what is removed for good leaves the store', async () => {
    const before = await stored();
    const { reference } = addScriptedImage(stage.upstream, 'team/secret', randomBytes(700_000));
    await stage.warehouse.completed(await stage.warehouse.pull(reference));
    const target = `${stage.warehouse.host}/mine/secret:1`;
    await operation({ kind: 'tag', source: reference, target });
    expect(await stored()).toBeGreaterThan(before + 600_000);
    const references = [reference, target];
    const first = await operation({ kind: 'remove', references, now: true });
    expect(first).toMatchObject({ status: 412, json: { about: { confirm: expect.any(String) } } });
    const { confirm } = (first.json as { about: { confirm: string } }).about;
    const { json } = await operation({ kind: 'remove', references, now: true, confirm });
    expect(await stage.warehouse.ended((json as Operation).id)).toMatchObject({ state: 'completed' });
    await eventually('its bytes go', async () => (await stored()) < before + 100_000);
  }, 60_000);
}
