import { RegistryError } from '#oci/registry-error';
import { imageManifest, someBytes } from '#testing/image-parts';
import { cutAfter, hang, reply, type Script, ScriptedUpstream, stallAfter } from '#testing/scripted-upstream';
import { waitUntil } from '#testing/wait-until';
import { WorkerWorld } from '#testing/worker-world';
import { FetcherModule } from '../fetcher.module';
import { quickSettings } from '../fetcher.testing';

const MIB = 1024 * 1024;
const config = someBytes(200);
const layer = someBytes(3 * MIB);

let upstream: ScriptedUpstream;
let world: WorkerWorld;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start();
  world = new WorkerWorld({ leaseMs: 2_000, backoffMs: 5, attempts: 4 });
});
afterEach(async () => {
  await world.stop();
  await upstream.stop();
});

/** Accepts the pull of an image of these layers; nobody works on it yet. */
function accept(layers = [layer], path = 'library/node') {
  for (const bytes of [config, ...layers]) upstream.addBlob(bytes);
  upstream.addManifest(path, '20', imageManifest(config, ...layers));
  return world.book.accept({ reference: `${upstream.domain}/${path}:20` });
}

const LAYER = new RegExp(imageManifest(config, layer).layers[0]!.digest);
const layerFill = () => [...world.book.fills.values()].find(({ size }) => size === layer.byteLength);
const ranges = () => upstream.requests.filter(({ url }) => LAYER.test(url)).map(({ headers }) => headers.range);
const hasEnded = (operation: { state: string }) => ['completed', 'failed', 'cancelled'].includes(operation.state);

/** Pulls the layer while the upstream follows this script for its first answers. */
async function pull(script: Script, times = 1, settings: Record<string, string> = {}) {
  upstream.script('GET', LAYER, script, times);
  const operation = accept();
  await world.start(FetcherModule.with(quickSettings(settings)));
  await waitUntil('the end', () => hasEnded(operation));
  return operation;
}

describe('what breaks is taken up again at the same byte', () => {
  it('after a connection that broke, with the entity it began with', async () => {
    const operation = await pull(cutAfter(layer, 1.5 * MIB, { etag: '"one"' }));
    expect(operation.state).toBe('completed');
    expect(ranges()).toHaveLength(2);
    const [, again] = upstream.requests.filter(({ url }) => LAYER.test(url));
    const from = Number(/^bytes=(\d+)-$/.exec(again?.headers.range ?? '')?.[1]);
    expect(from).toBeGreaterThan(MIB);
    expect(again?.headers['if-range']).toBe('"one"');
    expect(layerFill()).toMatchObject({ attempts: 1, state: 'done' });
    expect(upstream.bodyBytes).toBe(config.byteLength + layer.byteLength - from);
  });

  it('where a break brings too little to go on at once, as another attempt', async () => {
    const operation = await pull(cutAfter(layer, 1_000));
    expect(operation.state).toBe('completed');
    expect(layerFill()).toMatchObject({ attempts: 2, error: { code: 'UNAVAILABLE' } });
    expect(ranges()).toEqual([undefined, 'bytes=1000-']);
  });

  it('after a body that ended too soon without saying so', async () => {
    const operation = await pull((_request, response) =>
      response.writeHead(200, { connection: 'close' }).end(layer.subarray(0, 500)),
    );
    expect(operation.state).toBe('completed');
    expect(layerFill()?.error?.message).toContain(`ended a blob after 500 of ${layer.byteLength} bytes`);
    expect(ranges()).toEqual([undefined, 'bytes=500-']);
  });

  it('after a body that stalled', async () => {
    const operation = await pull(stallAfter(layer, 2_000));
    expect(operation.state).toBe('completed');
    expect(layerFill()?.error?.message).toContain('stopped in the middle');
    expect(ranges()).toEqual([undefined, 'bytes=2000-']);
  });

  it('after a body that only trickles', async () => {
    const trickle: Script = (_request, response) => {
      response.writeHead(200, { 'content-length': String(layer.byteLength) });
      let at = 0;
      const timer = setInterval(() => response.write(layer.subarray(at, ++at)), 20);
      response.on('close', () => clearInterval(timer));
    };
    const operation = await pull(trickle);
    expect(operation.state).toBe('completed');
    expect(layerFill()?.error?.message).toContain('stopped in the middle');
  });

  it('many times, however often, as long as each brings something', async () => {
    const operation = await pull(({ headers }, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
      const status = from === 0 ? 200 : 206;
      const range = from === 0 ? {} : { 'content-range': `bytes ${from}-${layer.byteLength - 1}/${layer.byteLength}` };
      response.writeHead(status, { 'content-length': String(layer.byteLength - from), ...range });
      response.write(layer.subarray(from, from + 1.2 * MIB), () => response.destroy());
    }, 2);
    expect(operation.state).toBe('completed');
    expect(layerFill()?.attempts).toBe(1);
    expect(ranges()).toHaveLength(3);
  });

  it('from an upstream that ignores ranges, without storing anything twice', async () => {
    upstream.script('GET', LAYER, reply(200, { 'content-length': String(layer.byteLength) }, layer));
    const operation = await pull(cutAfter(layer, 1_000));
    expect(operation.state).toBe('completed');
    expect(ranges()).toEqual([undefined, 'bytes=1000-']);
  });

  it('from an upstream that answers with another part, by asking for the whole', async () => {
    const wrong = { 'content-range': `bytes 0-${layer.byteLength - 1}/${layer.byteLength}` };
    upstream.script('GET', LAYER, ({ headers }, response) =>
      headers.range ? response.writeHead(206, wrong).end(layer) : false,
    );
    const operation = await pull(cutAfter(layer, 1_000));
    expect(operation.state).toBe('completed');
    expect(ranges()).toEqual([undefined, 'bytes=1000-', undefined]);
  });

  it('by another process, after the first was killed', async () => {
    const operation = accept();
    let revive: (() => void) | undefined;
    world.bytes.onAppended = async (_session, offset) => {
      if (offset < 1_000_000 || revive) return;
      // What a kill leaves behind: a lease that nobody renews, and bytes that are stored.
      for (const row of [...world.book.fills.values(), operation]) row.leaseUntil = 0;
      world.book.faults.set('metadata.renew-fills', () => new RegistryError('UNAVAILABLE', 'away'));
      await new Promise<void>((resolve) => {
        revive = resolve;
      });
    };
    await world.start(FetcherModule.with(quickSettings()));
    await waitUntil('the end', () => hasEnded(operation));
    revive?.();
    expect(operation.state).toBe('completed');
    expect(layerFill()).toMatchObject({ attempts: 2, epoch: 2 });
    expect(ranges()[1]).toMatch(/^bytes=1\d{6}-$/);
  });
});

describe('what will never be right ends, and says why', () => {
  const wrong = Buffer.from(layer);
  wrong[7] = (wrong[7] ?? 0) ^ 1;

  it('a flipped bit is thrown away and fetched once more', async () => {
    const operation = await pull(reply(200, {}, wrong));
    expect(operation.state).toBe('completed');
    expect(ranges()).toEqual([undefined, undefined]);
  });

  it('an upstream that keeps to its wrong bytes fails the pull, and nothing of them is kept', async () => {
    const operation = await pull(reply(200, {}, wrong), 10);
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'DIGEST_INVALID' } });
    expect(operation.error?.message).toContain(`upstream ${upstream.domain} sent other bytes than those that sha256:`);
    expect(ranges()).toHaveLength(2);
    expect([...world.book.blobs.values()].map(({ byteLength }) => byteLength)).toEqual([config.byteLength]);
  });

  it.each([
    ['says so', { 'content-length': String(layer.byteLength + 1) }],
    ['does not say so', {}],
  ])('a body that is longer than the manifest promises and %s', async (_what, headers) => {
    const operation = await pull(reply(200, headers, Buffer.concat([layer, Buffer.from('x')])), 10);
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'SIZE_INVALID' } });
    expect(ranges()).toHaveLength(1);
    expect(Math.max(...[...world.book.sessions.values()].map(({ length }) => length))).toBeLessThanOrEqual(
      layer.byteLength,
    );
  });

  it.each([
    [401, 'UNAUTHORIZED'],
    [403, 'DENIED'],
    [404, 'BLOB_UNKNOWN'],
    [400, 'UPSTREAM'],
  ])('a blob that answers %d', async (status, code) => {
    const operation = await pull(reply(status), 10);
    expect(operation).toMatchObject({ state: 'failed', error: { code } });
    expect(ranges()).toHaveLength(1);
  });

  it('a blob that is encoded on the way', async () => {
    const operation = await pull(reply(200, { 'content-encoding': 'gzip' }, layer), 10);
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'UPSTREAM' } });
  });
});

describe('what may pass is waited for', () => {
  it.each([
    ['500', reply(500)],
    ['502', reply(502)],
    ['408', reply(408)],
    ['no answer', hang()],
    ['a broken connection', (_request, response) => response.destroy()],
  ] as [string, Script][])('%s', async (_what, script) => {
    const operation = await pull(script, 2);
    expect(operation.state).toBe('completed');
    expect(layerFill()).toMatchObject({ attempts: 3, error: { code: 'UNAVAILABLE' } });
  });

  it('for as long as the upstream asks for', async () => {
    const started = performance.now();
    const operation = await pull(reply(429, { 'retry-after': '1' }));
    expect(operation.state).toBe('completed');
    expect(performance.now() - started).toBeGreaterThan(1_000);
    expect(layerFill()?.error?.code).toBe('TOOMANYREQUESTS');
  });

  it('and not for ever', async () => {
    const operation = await pull(reply(503), 100);
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'UNAVAILABLE' } });
    expect(ranges()).toHaveLength(4);
  });

  it('a store that is full is no fault of the upstream', async () => {
    let full = true;
    world.bytes.onAppended = (_session, offset) => {
      if (full && offset > 500_000) {
        full = false;
        throw new RegistryError('UNAVAILABLE', 'storage is full');
      }
    };
    const operation = await pull(() => false);
    expect(operation.state).toBe('completed');
    expect(layerFill()?.error).toEqual({ code: 'UNAVAILABLE', message: 'storage is full' });
  });

  it.each([0, 500_000])('what the store refuses after %d bytes lets go of its upstream', async (after) => {
    const closed = new Promise<string>((resolve) => {
      upstream.script('GET', LAYER, (request, response) => {
        response.on('close', () => resolve('closed'));
        stallAfter(layer, 1.5 * MIB)(request, response);
      });
    });
    const append = world.bytes.append.bind(world.bytes);
    const refused = new RegistryError('UNAVAILABLE', 'storage is full');
    world.bytes.append = async (...asked) => {
      if (asked[1] === layerFill()?.session && after === 0) throw refused;
      return append(...asked);
    };
    world.bytes.onAppended = (session, offset) => {
      if (session === layerFill()?.session && offset > after) throw refused;
    };
    accept();
    await world.start(FetcherModule.with(quickSettings({ ENTREPOT_FETCH_STALL_MS: '60000' })));
    expect(await closed).toBe('closed');
  });

  it('an end whose answer was lost is asked for again, without another download', async () => {
    world.book.faults.set('blobs.finish-upload', () => {
      world.book.faults.clear();
      return new RegistryError('TIMEOUT', 'took too long');
    });
    const operation = accept();
    await world.start(FetcherModule.with(quickSettings()));
    await waitUntil('the end', () => hasEnded(operation));
    expect(operation.state).toBe('completed');
    expect([...world.book.fills.values()].map(({ attempts }) => attempts).sort()).toEqual([1, 2]);
    expect(upstream.bodyBytes).toBe(config.byteLength + layer.byteLength);
  });

  it('a session that is gone is begun anew', async () => {
    upstream.script('GET', LAYER, cutAfter(layer, 1_000), 1);
    const operation = accept();
    const { bytes } = world;
    bytes.onAppended = (session, offset) => {
      if (offset === 1_000) world.book.sessions.get(session)!.isEnded = true;
    };
    await world.start(FetcherModule.with(quickSettings()));
    await waitUntil('the end', () => hasEnded(operation));
    expect(operation.state).toBe('completed');
    expect(ranges()).toEqual([undefined, undefined]);
  });
});

describe('many fills', () => {
  let pump: NodeJS.Timeout | undefined;
  afterEach(() => clearInterval(pump));

  it('run so many at once, and so many of one repository', async () => {
    const layers = Array.from({ length: 9 }, () => someBytes(100));
    const others = Array.from({ length: 9 }, () => someBytes(101));
    let [running, most, mostOfOne] = [0, 0, 0];
    const waiting: (() => void)[] = [];
    const byPath = new Map<string, number>();
    upstream.script('GET', /\/blobs\//, ({ url }, response) => {
      const path = url.split('/blobs/')[0]!;
      byPath.set(path, (byPath.get(path) ?? 0) + 1);
      most = Math.max(most, ++running);
      mostOfOne = Math.max(mostOfOne, ...byPath.values());
      waiting.push(() => {
        running -= 1;
        byPath.set(path, byPath.get(path)! - 1);
        const digest = url.split('/').at(-1)!;
        const bytes = [config, ...layers, ...others].find((each) => imageManifest(each).config.digest === digest);
        response.end(bytes);
      });
      return true;
    });
    const operations = [accept(layers, 'a/a'), accept(others, 'b/b')];
    await world.start(
      FetcherModule.with(
        quickSettings({
          ENTREPOT_FETCH_FILLS: '5',
          ENTREPOT_FETCH_FILLS_PER_UPSTREAM: '5',
          ENTREPOT_FETCH_FILLS_PER_REPOSITORY: '3',
        }),
      ),
    );
    pump = setInterval(() => running >= 5 || world.book.fills.size < 19 || waiting.shift()?.(), 5);
    await waitUntil('five at once', () => most === 5);
    clearInterval(pump);
    pump = setInterval(() => waiting.shift()?.(), 5);
    await waitUntil('both ends', () => operations.every(hasEnded));
    expect(operations.map(({ state }) => state)).toEqual(['completed', 'completed']);
    expect([most, mostOfOne]).toEqual([5, 3]);
    expect(upstream.count('GET', /\/blobs\//)).toBe(19);
  });

  it('of one repository hold up no other of its upstream, however many they are', async () => {
    upstream.script('GET', /\/a\/a\/blobs\//, hang());
    accept(
      Array.from({ length: 30 }, () => someBytes(100)),
      'a/a',
    );
    await world.start(
      FetcherModule.with(
        quickSettings({
          ENTREPOT_FETCH_HEADERS_MS: '60000',
          ENTREPOT_FETCH_FILLS: '5',
          ENTREPOT_FETCH_FILLS_PER_UPSTREAM: '5',
          ENTREPOT_FETCH_FILLS_PER_REPOSITORY: '3',
        }),
      ),
    );
    await waitUntil('all it may have', () => upstream.count('GET', /\/a\/a\/blobs\//) === 3);
    const other = someBytes(90);
    upstream.addBlob(other);
    upstream.addManifest('b/b', '1', imageManifest(other));
    const operation = world.book.accept({ reference: `${upstream.domain}/b/b:1` });
    await waitUntil('the end', () => hasEnded(operation));
    expect(operation.state).toBe('completed');
    expect(upstream.count('GET', /\/a\/a\/blobs\//)).toBe(3);
  });

  it('cost the upstream each byte once, whoever asks and however many fetchers there are (P8)', async () => {
    const operations = [1, 2, 3, 4].map(() => accept());
    for (let replica = 0; replica < 3; replica += 1) await world.start(FetcherModule.with(quickSettings()));
    await waitUntil('all ends', () => operations.every(hasEnded));
    expect(operations.map(({ state }) => state)).toEqual(Array(4).fill('completed'));
    expect(upstream.bodyBytes).toBe(config.byteLength + layer.byteLength);
  });
});

describe('stopping', () => {
  it('gives back what runs, uncounted, for another fetcher to go on at the same byte', async () => {
    upstream.script('GET', LAYER, stallAfter(layer, 1.5 * MIB), 1);
    const operation = accept();
    const first = await world.start(FetcherModule.with(quickSettings({ ENTREPOT_FETCH_STALL_MS: '60000' })));
    await waitUntil('bytes', () => (world.book.sessions.get(layerFill()?.session ?? '')?.length ?? 0) > MIB);
    const started = performance.now();
    await first.close();
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(layerFill()).toMatchObject({ state: 'wanted', attempts: 0 });
    expect(operation).toMatchObject({ state: 'accepted', attempts: 0 });
    await world.start(FetcherModule.with(quickSettings()));
    await waitUntil('the end', () => hasEnded(operation));
    expect(operation.state).toBe('completed');
    expect(ranges()[1]).toMatch(/^bytes=1\d{6}-$/);
  });

  it('a fill that is no longer ours stops, and nothing is said about it', async () => {
    const closed = new Promise<string>((resolve) => {
      upstream.script('GET', LAYER, (request, response) => {
        response.on('close', () => resolve('closed'));
        stallAfter(layer, 1_000)(request, response);
      });
    });
    accept();
    await world.start(FetcherModule.with(quickSettings({ ENTREPOT_FETCH_STALL_MS: '60000' })));
    await waitUntil('bytes', () => (world.book.sessions.get(layerFill()?.session ?? '')?.length ?? 0) === 1_000);
    const fill = layerFill()!;
    Object.assign(fill, { epoch: fill.epoch + 1, leaseUntil: performance.now() + 60_000 });
    expect(await closed).toBe('closed');
    expect(fill).toMatchObject({ error: null, state: 'running' });
    expect(world.book.asked).not.toContain('metadata.fail-fill');
  });
});

describe('a session that another writer took', () => {
  async function takenOnce(isOurs: boolean) {
    const appends: number[] = [];
    world.bytes.onAppended = (id, offset) => {
      if (offset < 1_000_000 || appends.length > 0) return;
      appends.push(offset);
      // The writer that a lost connection left behind lets go only now.
      world.book.sessions.get(id)!.epoch += 1;
      const fill = layerFill()!;
      if (!isOurs) Object.assign(fill, { epoch: fill.epoch + 1, leaseUntil: performance.now() + 60_000 });
    };
    const operation = accept();
    await world.start(FetcherModule.with(quickSettings({ ENTREPOT_FETCH_RENEW_MS: '60000' })));
    return operation;
  }

  it('is taken back at its end, while the fill is ours', async () => {
    const operation = await takenOnce(true);
    await waitUntil('the end', () => hasEnded(operation));
    expect(operation.state).toBe('completed');
    expect(layerFill()).toMatchObject({ attempts: 1, error: null });
    expect(ranges()).toHaveLength(2);
  });

  it('is left to its owner when the fill is no longer ours', async () => {
    await takenOnce(false);
    await waitUntil('the question whose it is', () => world.book.asked.includes('metadata.renew-fills'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ranges()).toHaveLength(1);
    expect(world.book.asked).not.toContain('metadata.fail-fill');
  });
});

it('a fill for a credential that is no longer configured is not filled with another', async () => {
  const operation = accept();
  world.book.onFact = () => {
    for (const fill of world.book.fills.values())
      Object.assign(fill, { source: { ...fill.source, credential: 'former' } });
  };
  await world.start(FetcherModule.with(quickSettings()));
  await waitUntil('the end', () => hasEnded(operation));
  expect(operation).toMatchObject({ state: 'failed', error: { code: 'UNAUTHORIZED' } });
  expect(operation.error?.message).toContain('has changed since');
  expect(upstream.bodyBytes).toBe(0);
});

/** Sends 4 KiB a second of what it promises, without end. */
const trickle: Script = (_request, response) => {
  response.writeHead(200);
  const more = setInterval(() => response.write(Buffer.alloc(200)), 50);
  response.on('close', () => clearInterval(more));
};

describe('an upstream that trickles holds up nobody else', () => {
  let hostile: ScriptedUpstream[];
  beforeEach(async () => {
    hostile = await Promise.all([ScriptedUpstream.start(), ScriptedUpstream.start()]);
  });
  afterEach(() => Promise.all(hostile.map((each) => each.stop())));

  /** Two images of six layers that never end. */
  function acceptHostile(from: ScriptedUpstream) {
    from.script('GET', /\/blobs\//, trickle);
    for (const path of ['evil/a', 'evil/b']) {
      const [first, ...rest] = Array.from({ length: 6 }, (_, n) => someBytes(900_000 + n));
      from.addManifest(path, '1', imageManifest(first!, ...rest));
      world.book.accept({ reference: `${from.domain}/${path}:1` });
    }
  }
  const runningOf = (from: ScriptedUpstream) =>
    [...world.book.fills.values()].filter(
      ({ state, source }) => state === 'running' && source.upstream === from.domain,
    );

  it('for it has half of the places at most', async () => {
    acceptHostile(hostile[0]!);
    await world.start(FetcherModule.with(quickSettings({ ENTREPOT_FETCH_STALL_MS: '60000' })));
    await waitUntil('all its layers to be wanted', () => world.book.fills.size === 12);
    await waitUntil('half of the places', () => hostile[0]!.count('GET', /\/blobs\//) === 6);
    const operation = accept();
    await waitUntil('the end', () => hasEnded(operation));
    expect(operation.state).toBe('completed');
    expect(runningOf(hostile[0]!)).toHaveLength(6);
    expect(hostile[0]!.count('GET', /\/blobs\//)).toBe(6);
  });

  it('and where several of them have all places, what hardly moves leaves its place, uncounted', async () => {
    for (const each of hostile) acceptHostile(each);
    await world.start(
      FetcherModule.with(quickSettings({ ENTREPOT_FETCH_STALL_MS: '60000', ENTREPOT_FETCH_SLOW_MS: '500' })),
    );
    await waitUntil('all places taken', () => hostile.every((each) => runningOf(each).length === 6));
    const operation = accept();
    await waitUntil('the end', () => hasEnded(operation));
    expect(operation.state).toBe('completed');
    const given = [...world.book.fills.values()].filter(({ error }) => error?.message.includes('so slowly'));
    expect(given.length).toBeGreaterThan(0);
    for (const { attempts } of given) expect(attempts).toBeLessThanOrEqual(1);
  });

  it('but keeps all its places while nobody else waits', async () => {
    acceptHostile(hostile[0]!);
    await world.start(
      FetcherModule.with(quickSettings({ ENTREPOT_FETCH_STALL_MS: '60000', ENTREPOT_FETCH_SLOW_MS: '100' })),
    );
    await waitUntil('half of the places', () => hostile[0]!.count('GET', /\/blobs\//) === 6);
    const claims = () => world.book.asked.filter((name) => name === 'metadata.claim-fills').length;
    const before = claims();
    await waitUntil('more looks', () => claims() > before + 5);
    expect(hostile[0]!.count('GET', /\/blobs\//)).toBe(6);
  });
});
