import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { join } from 'node:path';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { folderSize } from '#testing/folder-size';
import { NatsWire } from '#testing/nats-wire';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';

interface Usage {
  readonly bytes: number;
  readonly images: { readonly count: number; readonly bytes: number; uniqueBytes: number; sharedBytes: number };
  readonly unlisted: { readonly bytes: number };
  readonly repositories: readonly { repository: string; bytes: number; uniqueBytes: number }[];
}

/** Server-sent events as far as they came, and how to stop listening. */
function listen(port: number, headers: Record<string, string> = {}) {
  let text = '';
  const asking = request({ port, path: '/api/v1/events?subject=tag.*', headers, agent: false }, (answer) => {
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    answer.on('error', () => {});
  });
  asking.on('error', () => {}).end();
  const tags = () => [...text.matchAll(/^data: (.*)$/gm)].map(([, line]) => JSON.parse(line!).data.tag as string);
  const lastId = () => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '';
  return { tags, lastId, close: () => asking.destroy() };
}

describe('names, bytes and news of the real program', () => {
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  let images: ScriptedImage[];
  const layers = [randomBytes(400_000), randomBytes(70_000)];

  beforeAll(async () => {
    [upstream, entrepot] = await Promise.all([ScriptedUpstream.start(), Entrepot.start(SHORT_TIMES)]);
    images = ['team/one', 'team/two', 'team/other'].map((name, at) =>
      addScriptedImage(upstream, name, layers[at === 2 ? 1 : 0]!),
    );
    for (const { reference } of images) await entrepot.completed(await entrepot.pull(reference));
  }, 90_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  const api = async <T>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
    const { status, json, headers: answered } = await entrepot.ask(method, `/api/v1/${path}`, body, headers);
    return { status, json: json as T, headers: answered };
  };
  const stored = () => folderSize(join(entrepot.data, 'blobs', 'objects'));
  const usage = async () => (await api<Usage>('GET', 'usage?fresh')).json;
  const named = (name: string) => `${entrepot.host}/${name}`;

  it('the sum of usage is what lies on the disk, and what images share lies there once', async () => {
    const { bytes, images: held, repositories, unlisted } = await usage();
    expect(bytes).toBe(await stored());
    expect(unlisted.bytes).toBe(0);
    expect(held).toMatchObject({ count: 3, bytes, uniqueBytes: bytes - held.sharedBytes });
    expect(held.sharedBytes).toBeGreaterThanOrEqual(layers[0]!.length);
    expect(repositories.reduce((sum, each) => sum + each.bytes, 0)).toBe(bytes + held.sharedBytes);
  });

  it('an image gets a name of ours, the name moves as expected, goes back, and its history says so', async () => {
    const put = (source: string, headers?: Record<string, string>) =>
      api<{ to: string }>('PUT', 'tags', { source, target: named('mine/app:live') }, headers);
    const first = await put(images[0]!.reference, { 'If-None-Match': '*' });
    expect(first.status).toBe(201);
    expect((await put(images[2]!.reference, { 'If-None-Match': '*' })).status).toBe(412);
    const second = await put(images[2]!.reference, { 'If-Match': first.headers.get('etag')! });
    expect(second.status).toBe(200);
    const back = await api<{ to: string }>('POST', 'tags/rollback', { reference: named('mine/app:live') });
    expect(back.json.to).toBe(first.json.to);
    const { json: moves } = await api<{ to: string }[]>('GET', `tags/history?reference=${named('mine/app:live')}`);
    expect(moves.map(({ to }) => to)).toEqual([first.json.to, second.json.to, first.json.to]);
    const { json: tags } = await api<{ name: string; digest: string }[]>('GET', 'tags?repository=mine/app&name=l*');
    expect(tags).toMatchObject([{ name: 'live', digest: first.json.to, movedBy: 'anonymous' }]);
    expect((await usage()).bytes).toBe(await stored());
  });

  it('a layer is known by all who have it', async () => {
    const reference = encodeURIComponent(images[0]!.reference);
    const { json } = await api<{ sharing: { layers: { digest: string }[]; bytes: number }[] }>(
      'GET',
      `layers/shared?reference=${reference}`,
    );
    expect(json.sharing).toMatchObject([{ bytes: layers[0]!.length, layers: [{ digest: images[0]!.layer }] }]);
    const { json: blob } = await api<{ repositories: { repository: string }[] }>('GET', `blobs/${images[0]!.layer}`);
    expect(blob).toMatchObject({ state: 'held', size: layers[0]!.length });
    expect(blob.repositories.map(({ repository }) => repository.split('/').slice(-2).join('/')).sort()).toEqual([
      ...['mine/app', 'team/one', 'team/two'],
    ]);
  });

  it('what happened is heard, and heard on by its id over a restart', async () => {
    const before = listen(entrepot.port);
    await eventually('it listens', async () => before.lastId() !== '');
    const tag = (name: string) =>
      api('PUT', 'tags', { source: images[0]!.reference, target: named(`mine/app:${name}`) });
    await tag('heard-1');
    await eventually('it is heard', async () => before.tags().includes('heard-1'));
    const lastId = before.lastId();
    before.close();
    await tag('heard-2');
    await entrepot.stop();
    await entrepot.start();
    const after = listen(entrepot.port, { 'Last-Event-ID': lastId });
    await tag('heard-3');
    await eventually('the rest is heard', async () => after.tags().includes('heard-3'));
    expect(after.tags()).toEqual(['heard-2', 'heard-3']);
    after.close();
  }, 90_000);

  it('what could not be handled is listed, read, sent again and thrown away', async () => {
    const wire = await NatsWire.connect(entrepot.natsUrl);
    await wire.publish('entrepot.request.tag', '{"source": half');
    wire.close();
    type Letters = { sequence: number; subject: string }[];
    const list = async () => (await api<Letters>('GET', 'dead-letters')).json;
    const [letter] = await eventually('it is there', async () => {
      const letters = await list();
      return letters.length === 1 && letters;
    });
    const { json } = await api('GET', `dead-letters/${letter!.sequence}`);
    expect(json).toMatchObject({ subject: 'entrepot.request.tag', payload: '{"source": half', encoding: 'utf-8' });
    expect((await api('POST', `dead-letters/${letter!.sequence}/replay`)).status).toBe(204);
    const [again] = await eventually('it came back as it was', async () => {
      const letters = await list();
      return letters.length === 1 && letters[0]!.sequence !== letter!.sequence && letters;
    });
    expect((await api('DELETE', `dead-letters/${again!.sequence}`)).status).toBe(204);
    expect((await api('DELETE', `dead-letters/${again!.sequence}`)).status).toBe(404);
    expect(await list()).toEqual([]);
  }, 60_000);

  it('what is removed leaves usage as it leaves the disk', async () => {
    await entrepot.completed(await entrepot.removeNow(images[1]!.reference));
    await entrepot.completed(await entrepot.removeNow(images[2]!.reference));
    await eventually('usage is what the disk has, and less than before', async () => {
      const { bytes, images: held } = await usage();
      return held.count <= 2 && bytes === (await stored());
    });
    expect((await usage()).images.sharedBytes).toBeLessThan(layers[0]!.length);
  }, 60_000);
});
