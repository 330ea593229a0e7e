import { mkdir, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { eventually } from '#testing/eventually';
import { LOCALHOST_CERTIFICATE } from '#testing/localhost-certificate';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { answerJson, ScriptedPeer } from '../scripted-peer.testing';
import { type Cluster, ownCluster } from './cluster';
import { KubernetesRuntime } from './kubernetes-runtime';

const DIGEST = `sha256:${'ab'.repeat(32)}`;

const pod = (name: string, more: { version?: string; state?: object; uid?: string } = {}) => ({
  metadata: { namespace: 'shop', name, uid: more.uid ?? `uid-${name}`, resourceVersion: more.version ?? '1' },
  spec: { containers: [{ name: 'app', image: 'a:1' }] },
  status: {
    containerStatuses: [
      { name: 'app', imageID: `a@${DIGEST}`, state: more.state ?? { running: { startedAt: 'now' } } },
    ],
  },
});
const page = (items: object[], version = '10', next?: string) => ({
  metadata: { resourceVersion: version, ...(next === undefined ? {} : { continue: next }) },
  items,
});
const gone = { kind: 'Status', code: 410, message: 'too old resource version' };

const say = (watch: ServerResponse, ...changes: [type: string, object: object][]) => {
  for (const [type, object] of changes) watch.write(`${JSON.stringify({ type, object })}\n`);
};

/** An API server that answers lists by what is scripted, and leaves watches open for the test. */
class ScriptedCluster {
  readonly watches: ServerResponse[] = [];
  lists: (object | [status: number, body: object])[] = [page([pod('web')])];
  refuseWatch: object | undefined;
  private constructor(readonly server: ScriptedPeer) {}

  static async start({ isTls = false } = {}): Promise<ScriptedCluster> {
    const cluster = new ScriptedCluster(await ScriptedPeer.start(() => {}, { isTls }));
    cluster.server.script = ({ url = '' }, response) => cluster.answer(url, response);
    return cluster;
  }

  get listed(): URLSearchParams[] {
    return this.queries.filter((query) => query.has('limit'));
  }

  get watched(): URLSearchParams[] {
    return this.queries.filter((query) => query.has('watch'));
  }

  get cluster(): Cluster {
    const { port } = this.server;
    const way = async () => ({
      isTls: false,
      options: { host: '127.0.0.1', port },
      headers: { Authorization: 'Bearer s3cret' },
    });
    return { address: `http://127.0.0.1:${port}`, way };
  }

  private get queries(): URLSearchParams[] {
    const pods = this.server.requests.filter(({ url }) => url.startsWith('/api/v1/pods?'));
    return pods.map(({ url }) => new URL(url, 'http://a').searchParams);
  }

  private answer(url: string, response: ServerResponse): void {
    if (url === '/api/v1/namespaces/kube-system') answerJson(response, 200, { metadata: { uid: 'cluster-1' } });
    else if (url.includes('watch=1')) this.answerWatch(response);
    else this.answerList(response);
  }

  private answerList(response: ServerResponse): void {
    const next = this.lists.length > 1 ? this.lists.shift()! : this.lists[0]!;
    const [status, body] = Array.isArray(next) ? next : [200, next];
    answerJson(response, status as number, body);
  }

  private answerWatch(response: ServerResponse): void {
    if (this.refuseWatch) {
      answerJson(response, 410, this.refuseWatch);
      return;
    }
    response.writeHead(200).flushHeaders();
    this.watches.push(response);
  }
}

describe('a Kubernetes cluster', () => {
  let scripted: ScriptedCluster;
  let runtime: KubernetesRuntime;
  let ended: AbortController;
  let changes: AsyncIterator<void>;

  beforeEach(async () => {
    scripted = await ScriptedCluster.start();
    ended = new AbortController();
    runtime = new KubernetesRuntime(scripted.cluster, { watchSeconds: 60, pauseMs: 5 });
    changes = runtime.changes(ended.signal)[Symbol.asyncIterator]();
  });
  afterEach(async () => {
    ended.abort();
    await scripted.server.stop();
  });

  const seen = async () => (await runtime.look()).map(({ name, state }) => `${name} ${state}`).sort();

  /** The watch is asked for when somebody waits for it. */
  const openWatch = () =>
    eventually('a watch', async () => scripted.watches.findLast((watch) => !watch.closed), { everyMs: 2 });

  async function changed(...said: [type: string, object: object][]): Promise<void> {
    const next = changes.next();
    say(await openWatch(), ...said);
    await next;
  }

  it('has the id of its oldest namespace', async () => {
    expect(await runtime.holder(ended.signal)).toBe('kubernetes:cluster-1');
    scripted.server.script = (_, response) =>
      answerJson(response, 403, { message: 'forbidden: no right to get namespaces' });
    await expect(runtime.holder(ended.signal)).rejects.toThrow(/answered 403: forbidden: no right to get namespaces$/);
  });

  it('is listed in pages, and watched from where the list ended', async () => {
    scripted.lists = [page([pod('a'), pod('b')], '10', 'more/=&'), page([pod('c')], '10', ''), page([])];
    await changes.next();
    expect(await seen()).toEqual(['shop/a/app running', 'shop/b/app running', 'shop/c/app running']);
    expect(scripted.listed.map((query) => query.get('continue'))).toEqual([null, 'more/=&']);
    await changed(['ADDED', pod('d')]);
    expect(Object.fromEntries(scripted.watched[0]!)).toEqual({
      ...{ watch: '1', allowWatchBookmarks: 'true', resourceVersion: '10', timeoutSeconds: '60' },
    });
  });

  it('has what its watch says: what is new, what changed, what is gone', async () => {
    await changes.next();
    await changed(['ADDED', pod('new', { version: '11', state: { waiting: {} } })]);
    expect(await seen()).toEqual(['shop/new/app created', 'shop/web/app running']);
    await changed(['MODIFIED', pod('new', { version: '12' })]);
    expect(await seen()).toEqual(['shop/new/app running', 'shop/web/app running']);
    await changed(['MODIFIED', pod('new', { version: '13', state: { terminated: {} } })]);
    expect(await seen()).toEqual(['shop/new/app exited', 'shop/web/app running']);
    await changed(['DELETED', pod('web', { version: '14' })]);
    expect(await seen()).toEqual(['shop/new/app exited']);
  });

  it('a pod that is made anew under its name is another one', async () => {
    await changes.next();
    await changed(['ADDED', pod('web', { uid: 'second', state: { waiting: {} } })]);
    await changed(['DELETED', pod('web')]);
    expect(await seen()).toEqual(['shop/web/app created']);
  });

  it('says nothing of what is not reported', async () => {
    await changes.next();
    const same = { ...pod('web', { version: '11' }), spec: { ...pod('web').spec, nodeName: 'node-1' } };
    await changed(['MODIFIED', same], ['BOOKMARK', { metadata: { resourceVersion: '12' } }], ['ADDED', pod('new')]);
    expect(await seen()).toEqual(['shop/new/app running', 'shop/web/app running']);
  });

  it('whose watch ends in time is watched on from what was last heard, a bookmark too, without listing anew', async () => {
    await changes.next();
    await changed(['ADDED', pod('new', { version: '11' })]);
    say(scripted.watches[0]!, ['BOOKMARK', { metadata: { resourceVersion: '20' } }]);
    const next = changes.next();
    scripted.watches[0]!.end();
    await eventually('it is watched again', async () => scripted.watches.length === 2, { everyMs: 2 });
    say(scripted.watches[1]!, ['DELETED', pod('new', { version: '21' })]);
    await next;
    expect(scripted.watched.map((query) => query.get('resourceVersion'))).toEqual(['10', '20']);
    expect(scripted.listed).toHaveLength(1);
  });

  it.each(['in the watch', 'before it'])(
    'that forgot where we are (410 %s) is listed anew: what is gone is gone',
    async (how) => {
      scripted.lists = [page([pod('web'), pod('old')]), page([pod('web')], '50')];
      if (how === 'before it') scripted.refuseWatch = gone;
      await changes.next();
      const next = changes.next();
      if (how === 'in the watch') {
        say(await openWatch(), ['ERROR', gone]);
      }
      await next;
      scripted.refuseWatch = undefined;
      expect(await seen()).toEqual(['shop/web/app running']);
      await changed(['ADDED', pod('new')]).catch(() => undefined);
      expect(scripted.watched.at(-1)!.get('resourceVersion')).toBe('50');
    },
  );

  it('whose next page is gone is listed from the beginning, and not for ever', async () => {
    scripted.lists = [page([pod('a')], '10', 'next'), [410, gone], page([pod('b')], '11')];
    await changes.next();
    expect(await seen()).toEqual(['shop/b/app running']);
    scripted.lists = [[410, gone]];
    const again = runtime.changes(ended.signal)[Symbol.asyncIterator]();
    await expect(again.next()).rejects.toThrow('answered 410: too old resource version');
    expect(scripted.listed).toHaveLength(3 + 3);
  });

  it.each([
    ['refuses', [403, { message: 'pods is forbidden' }], /answered 403: pods is forbidden$/],
    ['answers no list', { kind: 'Other' }, /not understood: metadata/],
    ['has a pod without a name', page([{ metadata: {} }]), /not understood: items.0.metadata.namespace/],
  ])('that %s is not followed, and the token not told', async (_, answer, message) => {
    scripted.lists = [answer as object];
    const error = await changes.next().catch((fault: Error) => fault);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
    expect(String(error)).not.toContain('s3cret');
  });

  it.each([
    ['breaks', (watch: ServerResponse) => watch.destroy(), 'no answer from'],
    [
      'says an error',
      (watch: ServerResponse) => watch.write('{"type":"ERROR","object":{"code":500,"message":"etcd"}}\n'),
      'ended the watch: etcd',
    ],
    ['talks nonsense', (watch: ServerResponse) => watch.write('<html>\n'), 'not understood'],
    [
      'says a change of nothing',
      (watch: ServerResponse) => watch.write('{"type":"ADDED","object":{}}\n'),
      'not understood: metadata',
    ],
    [
      'says an unheard-of change',
      (watch: ServerResponse) => watch.write('{"type":"SWAPPED"}\n'),
      'not understood: type',
    ],
  ])('whose watch %s is no longer followed', async (_, act, message) => {
    await changes.next();
    const next = changes.next();
    act(await openWatch());
    await expect(next).rejects.toThrow(message);
  });

  it('of five thousand pods is read whole, page by page', async () => {
    const all = Array.from({ length: 5_000 }, (_, at) => pod(`p${at}`));
    const pages = Array.from({ length: 20 }, (_, at) =>
      page(all.slice(at * 250, (at + 1) * 250), '10', at < 19 ? `p${at}` : ''),
    );
    scripted.lists = [...pages, page([])];
    await changes.next();
    expect(await runtime.look()).toHaveLength(5_000);
    expect(scripted.listed.every((query) => query.get('limit') === '250')).toBe(true);
  });
});

describe('the cluster that this runs in', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await tempFolder('account');
  });
  afterEach(() => removeFolder(folder));

  it('is asked as the service account, with the token that is there at that moment', async () => {
    const scripted = await ScriptedCluster.start({ isTls: true });
    const account = join(folder, 'account');
    await mkdir(account);
    await writeFile(join(account, 'ca.crt'), LOCALHOST_CERTIFICATE.cert);
    const { port } = scripted.server;
    const cluster = ownCluster(
      { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) },
      account,
    );
    const runtime = new KubernetesRuntime(cluster);
    const signal = new AbortController().signal;
    try {
      await expect(runtime.holder(signal)).rejects.toThrow(/token cannot be read: ENOENT/);
      for (const token of ['one', 'two']) {
        await writeFile(join(account, 'token'), `${token}\n`);
        await runtime.holder(signal);
      }
      expect(scripted.server.requests.map(({ authorization }) => authorization)).toEqual(['Bearer one', 'Bearer two']);
      await writeFile(join(account, 'token'), 's3cret\nX-Other: header');
      const error = await runtime.holder(signal).catch((fault: Error) => fault);
      expect(String(error)).toMatch(/signs that no token has/);
      expect(String(error)).not.toContain('s3cret');
      await writeFile(join(account, 'ca.crt'), '');
      await writeFile(join(account, 'token'), 'three');
      await expect(runtime.holder(signal)).rejects.toThrow('no answer from');
      expect(scripted.server.requests).toHaveLength(2);
    } finally {
      await scripted.server.stop();
    }
  });

  it('is none where there is no cluster around', () => {
    expect(() => ownCluster({})).toThrow('--kubeconfig');
    expect(() => ownCluster({ KUBERNETES_SERVICE_HOST: 'a b' })).toThrow('no address');
    expect(ownCluster({ KUBERNETES_SERVICE_HOST: 'fd00::1' }).address).toBe('https://[fd00::1]:443');
  });
});
