import type { Operation } from '#contracts/operation';
import { eventually } from '#testing/eventually';
import { addScriptedImage } from '#testing/scripted-image';
import type { Stage } from './stage';

interface Fact {
  readonly id: string;
  readonly tag: string;
}

/** Facts, operations and dead letters, as they are heard and read at either gateway. */
export function newsSuite(stage: Stage): void {
  const target = (tag: string) => `${stage.warehouse.host}/news/app:${tag}`;
  const tag = (name: string) =>
    stage.warehouse.ask('PUT', '/api/v1/tags', {
      source: `${stage.upstream.domain}/team/news:1`,
      target: target(name),
    });

  /** The facts of tags of ours, until one is of this tag. */
  async function hear(until: string, from: Record<string, string>, then: () => Promise<unknown>): Promise<Fact[]> {
    const stop = new AbortController();
    const headers = { accept: 'text/event-stream', ...from };
    const path = '/api/v1/events?subject=tag.moved&repository=news/app';
    const answer = await fetch(`${stage.warehouse.nextUrl()}${path}`, { headers, signal: stop.signal });
    await then();
    const heard: Fact[] = [];
    let text = '';
    for await (const part of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      const events = text.split('\n\n');
      text = events.pop()!;
      for (const event of events) {
        const [, id] = /^id: ?(.+)$/m.exec(event) ?? [];
        const [, data] = /^data: ?(.+)$/m.exec(event) ?? [];
        if (id && data) heard.push({ id, tag: JSON.parse(data).data?.tag });
      }
      if (heard.some((fact) => fact.tag === until)) break;
    }
    stop.abort();
    return heard;
  }

  it('what was heard at one gateway is gone on with at another: each fact once, in order', async () => {
    const { reference } = addScriptedImage(stage.upstream, 'team/news', Buffer.from('news'));
    await stage.warehouse.completed(await stage.warehouse.pull(reference));
    const first = await hear('2', {}, () => tag('1').then(() => tag('2')));
    expect(first.map((fact) => fact.tag)).toEqual(['1', '2']);
    await tag('3');
    const more = await hear('4', { 'last-event-id': first[0]!.id }, () => tag('4'));
    expect(more.map((fact) => fact.tag)).toEqual(['2', '3', '4']);
    expect(more[0]!.id).toBe(first[1]!.id);
  }, 60_000);

  it('a request that is sent twice under one key is one operation, whichever gateway takes it', async () => {
    const body = { kind: 'tag', source: `${stage.upstream.domain}/team/news:1`, target: target('5') };
    const ask = (more = {}) =>
      stage.warehouse.ask('POST', '/api/v1/operations', { ...body, ...more }, { 'idempotency-key': 'news-5' });
    const ids = (await Promise.all([ask(), ask(), ask()])).map(({ json }) => (json as Operation).id);
    expect(new Set(ids).size).toBe(1);
    expect(await ask({ target: target('6') })).toMatchObject({ status: 409 });
  });

  it('a dead letter is read, sent again and thrown away', async () => {
    const list = async () => (await stage.warehouse.ask('GET', '/api/v1/dead-letters')).json as { sequence: number }[];
    const only = (other: number) =>
      eventually('a dead letter', async () => {
        const all = await list();
        return all.length === 1 && all[0]!.sequence !== other && all[0]!.sequence;
      });
    await stage.wire.publish('entrepot.request.pull', 'half of a JSON');
    const sequence = await only(0);
    expect(await stage.warehouse.ask('GET', `/api/v1/dead-letters/${sequence}`)).toMatchObject({
      status: 200,
      json: { payload: 'half of a JSON' },
    });
    expect((await stage.warehouse.ask('POST', `/api/v1/dead-letters/${sequence}/replay`)).status).toBe(204);
    const again = await only(sequence);
    expect((await stage.warehouse.ask('DELETE', `/api/v1/dead-letters/${again}`)).status).toBe(204);
    expect(await list()).toEqual([]);
    expect((await stage.warehouse.ask('DELETE', `/api/v1/dead-letters/${again}`)).status).toBe(404);
  }, 60_000);
}
