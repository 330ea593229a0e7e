import { createHash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { MinioServer } from '#apps/blobs/src/driver/minio-server.testing';
import { ACCEPTED } from '#testing/docker-registry';
import { eventually } from '#testing/eventually';
import { FiveServices } from '#testing/five-services';
import { pullByCrane, pullBySkopeo } from '#testing/image-pull';
import { describeWithPeers } from '#testing/peers';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream, stallAfter } from '#testing/scripted-upstream';

const BUCKET = 'warehouse';
const MIB = 1024 * 1024;
const EXTENT = 16 * MIB;
const WITHHELD = 64 * 1024;

const publicly = (endpoint: string) => endpoint.replace('127.0.0.1', 'localhost');

/** Bytes are stored when their extent is full, and no sooner: what is read before came from a writer's memory. */
const SETTINGS = {
  ENTREPOT_LEASE_MS: '4000',
  ENTREPOT_FETCH_RENEW_MS: '500',
  ENTREPOT_COMPOSE_RENEW_MS: '500',
  ENTREPOT_FETCH_SWEEP_MS: '500',
  ENTREPOT_BACKOFF_MS: '100',
  ENTREPOT_BACKOFF_LONGEST_MS: '1000',
  ENTREPOT_LINGER_MS: '600000',
  ENTREPOT_FIRST_EXTENT_BYTES: String(EXTENT),
  ENTREPOT_DRAIN_MS: '500',
  ENTREPOT_PIN_MS: '500',
  ENTREPOT_PIN_WRITE_MS: '0',
  ENTREPOT_REVIEW_DELAY_MS: '200',
  ENTREPOT_GC_SWEEP_MS: '300',
  // The least grace that goes with these.
  ENTREPOT_S3_LINK_MS: '60000',
  ENTREPOT_S3_LONGEST_DOWNLOAD_MS: '60000',
  ENTREPOT_GRACE_MS: '1980000',
};

/**
 * The first gateway reads from the first blobs, the second one from the second; while the second fetcher rests, all is
 * fetched by the first one, into the first blobs.
 */
describeWithPeers('two replicas of blobs and of the fetcher on one bucket', ['minio', 'crane', 'skopeo'], () => {
  let upstream: ScriptedUpstream;
  let minio: MinioServer;
  let services: FiveServices;

  beforeAll(async () => {
    [upstream, minio] = await Promise.all([ScriptedUpstream.start(), MinioServer.start()]);
    const settings = {
      ...SETTINGS,
      ...minio.environment(BUCKET),
      // crane follows no redirect from a host name to an address that is private.
      ENTREPOT_S3_PUBLIC_ENDPOINT: publicly(minio.endpoint),
    };
    services = await FiveServices.start(settings, { twins: true });
    services.signal('second fetcher', 'SIGSTOP');
  }, 180_000);

  afterAll(async () => {
    services?.signal('second fetcher', 'SIGCONT');
    await services?.stop();
    await Promise.all([minio?.stop(), upstream?.stop()]);
  }, 90_000);

  const [first, second] = [() => services.gateways[0]!, () => services.gateways[1]!];
  const blobAt = (gateway: string, image: ScriptedImage, init: RequestInit = {}) =>
    fetch(`${gateway}${image.path}/blobs/${image.layer}`, init);

  /** Bytes in the bucket, whosever they are. */
  async function stored(): Promise<number> {
    let bytes = 0;
    for await (const item of minio.client().listObjectsV2(BUCKET, 'objects/', true))
      bytes += (item as { size: number }).size;
    return bytes;
  }

  /** Until rows say that so much of a layer is stored: of what still comes, a range has nothing else. */
  async function committed(image: ScriptedImage, bytes: number): Promise<void> {
    const range = `bytes=${bytes - 1}-${bytes - 1}`;
    const ask = async () => {
      const answer = await blobAt(second(), image, { headers: { range } });
      return answer.status === 206 && (await answer.arrayBuffer()).byteLength === 1;
    };
    await eventually(`${bytes} bytes are stored`, ask, { withinMs: 60_000 });
  }

  const digestOfBody = async (answer: Response) => {
    const hash = createHash('sha256');
    for await (const chunk of answer.body!) hash.update(chunk);
    return `sha256:${hash.digest('hex')}`;
  };

  /** From which byte on the layer was asked for, each time. */
  const askedFrom = (image: ScriptedImage) =>
    upstream.requests
      .filter(({ method, url }) => method === 'GET' && image.layerUrl.test(url))
      .map(({ headers }) => Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0));

  const succeeded = (operation: string) =>
    eventually('the pull is done', async () => (await services.operation(operation)).state === 'completed', {
      withinMs: 90_000,
    });

  it('a reader at one has the bytes that the other receives as they come, while NATS is away', async () => {
    const layer = randomBytes(3_000_000);
    const image = addScriptedImage(upstream, 'team/slow', layer);
    let held: ServerResponse | undefined;
    upstream.script('GET', image.layerUrl, (_request, response) => {
      response.writeHead(200, { 'content-length': String(layer.length) });
      response.flushHeaders();
      held = response;
    });
    await services.killServer('nats');
    const manifest = await fetch(`${first()}${image.path}/manifests/1`, { headers: { accept: ACCEPTED } });
    expect(manifest.status).toBe(200);
    await manifest.arrayBuffer();
    await eventually('the upstream is asked for the layer', async () => held !== undefined);
    const answer = await blobAt(second(), image);
    const reader = answer.body!.getReader();
    const hash = createHash('sha256');
    let received = 0;
    const take = async (wanted: number) => {
      while (received < wanted) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`ended after ${received} bytes`);
        received += value.length;
        hash.update(value);
      }
    };
    const before = await stored();
    for (let sent = 0; sent < layer.length; sent += 300_000) {
      held!.write(layer.subarray(sent, sent + 300_000));
      await take(Math.min(sent + 300_000, layer.length - WITHHELD));
    }
    // The config may have come meanwhile; of the layer nothing is stored yet.
    expect((await stored()) - before).toBeLessThan(100_000);
    held!.end();
    await take(layer.length);
    expect((await reader.read()).done).toBe(true);
    expect(`sha256:${hash.digest('hex')}`).toBe(image.layer);
    await services.startServer('nats');
    await services.ready();
  }, 120_000);

  it('where blobs and the fetcher die in the middle, the others go on and ask for no more than an extent again', async () => {
    const layer = randomBytes(104 * MIB);
    const image = addScriptedImage(upstream, 'team/large', layer);
    const sent = 50 * MIB;
    upstream.script('GET', image.layerUrl, stallAfter(layer, sent), 1);
    const pull = await services.pull(image.reference);
    await committed(image, 3 * EXTENT);
    const follower = blobAt(second(), image).then(digestOfBody);
    await Promise.all([services.kill9('blobs'), services.kill9('fetcher')]);
    services.signal('second fetcher', 'SIGCONT');
    await succeeded(pull);
    expect(await follower).toBe(image.layer);
    const [, again, ...more] = askedFrom(image);
    expect(more).toEqual([]);
    expect(sent - again!).toBeLessThanOrEqual(EXTENT);
    for (const name of ['blobs', 'fetcher'] as const) services.run(name);
    await services.ready();
    expect(await digestOfBody(await blobAt(first(), image))).toBe(image.layer);
  }, 180_000);

  it('one that is asked to end in the middle hands over what it has: not a byte of it is asked for again', async () => {
    services.signal('second fetcher', 'SIGSTOP');
    const layer = randomBytes(20 * MIB);
    const image = addScriptedImage(upstream, 'team/handed', layer);
    const sent = 18 * MIB;
    upstream.script('GET', image.layerUrl, stallAfter(layer, sent), 1);
    const pull = await services.pull(image.reference);
    await committed(image, EXTENT);
    const follower = await blobAt(second(), image);
    const reader = follower.body!.getReader();
    for (let received = 0; received < sent; ) received += (await reader.read()).value!.length;
    await reader.cancel();
    expect(await services.end('blobs')).toBe(0);
    expect(await services.end('fetcher')).toBe(0);
    services.signal('second fetcher', 'SIGCONT');
    await succeeded(pull);
    expect(askedFrom(image)[1]).toBe(sent);
    expect(await digestOfBody(await blobAt(second(), image))).toBe(image.layer);
    for (const name of ['blobs', 'fetcher'] as const) services.run(name);
    await services.ready();
  }, 120_000);

  it('clients are sent to the storage for layers, and have there what they had here', async () => {
    const layer = randomBytes(12 * MIB);
    const image = addScriptedImage(upstream, 'team/sent', layer);
    await services.completed(await services.pull(image.reference));
    const sentAway = await blobAt(first(), image, { redirect: 'manual' });
    expect([sentAway.status, sentAway.headers.get('docker-content-digest')]).toEqual([307, image.layer]);
    const location = sentAway.headers.get('location')!;
    expect(new URL(location).origin).toBe(publicly(minio.endpoint));
    const part = await blobAt(second(), image, { headers: { range: `bytes=${MIB}-${2 * MIB - 1}` } });
    expect([part.status, part.redirected]).toEqual([206, true]);
    expect(Buffer.from(await part.arrayBuffer()).equals(layer.subarray(MIB, 2 * MIB))).toBe(true);
    const head = await blobAt(second(), image, { method: 'HEAD', redirect: 'manual' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(layer.length)]);
    const name = `${services.host}${image.path.replace('/v2', '')}:1`;
    const [crane, skopeo] = [await pullByCrane(name), await pullBySkopeo(name)];
    expect(crane.digest).toBe(skopeo.digest);
    expect(await digestOfBody(await fetch(location))).toBe(image.layer);
  }, 120_000);

  it('what is condemned while it is read from the storage is read to its end', async () => {
    const layer = randomBytes(16 * MIB);
    const image = addScriptedImage(upstream, 'team/condemned', layer);
    await services.completed(await services.pull(image.reference));
    const answer = await blobAt(first(), image);
    expect(answer.redirected).toBe(true);
    await services.completed(await services.removeNow(image.reference));
    const isGone = async () => (await blobAt(first(), image, { method: 'HEAD' })).status === 404;
    // Whoever is told that it exists keeps it for as long as a pin lasts.
    await eventually('it is not to be had any more', isGone, { withinMs: 60_000, everyMs: 1_500 });
    expect(await digestOfBody(answer)).toBe(image.layer);
    expect(await services.fsck()).toEqual([]);
  }, 120_000);
});
