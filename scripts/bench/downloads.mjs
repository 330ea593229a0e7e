// 100 MiB out of a bucket: through the gateway, by redirect, from MinIO itself; and from a registry on a folder.
import { DockerRegistry, eventually, FiveServices, MinioServer, median, pushRandomImage, run } from './program.mjs';

const ROUNDS = 5;
const SIZE = 100 * 2 ** 20;
const BUCKET = 'warehouse';

async function download(url) {
  const { stdout } = await run('curl', ['-sfL', '-o', '/dev/null', '-w', '%{size_download} %{time_total}', url]);
  const [bytes, time] = stdout.split(' ').map(Number);
  if (bytes !== SIZE) throw new Error(`${url}: ${bytes} bytes came`);
  return bytes / 1e6 / time;
}

async function directUrl(minio) {
  for await (const { name, size } of minio.client().listObjectsV2(BUCKET, 'objects/', true))
    if (size === SIZE) return minio.client().presignedGetObject(BUCKET, name);
  throw new Error('the blob is not of one key');
}

export async function measure(say) {
  const [upstream, minio] = await Promise.all([DockerRegistry.start(), MinioServer.start()]);
  const settings = {
    ...minio.environment(BUCKET),
    ENTREPOT_S3_PUBLIC_ENDPOINT: minio.endpoint,
    // What a link may still be used for must not be purged.
    ENTREPOT_GRACE_MS: '86400000',
    ENTREPOT_COMPOSE_SWEEP_MS: '500',
  };
  const five = await FiveServices.start(settings, {
    twins: true,
    own: { 'second gateway': { ENTREPOT_REDIRECT: 'off' } },
  });
  const speeds = new Map();
  try {
    const [layer] = await pushRandomImage(upstream.host, 'bench/large', '1', [SIZE]);
    await five.completed(await five.pull(`${upstream.host}/bench/large:1`));
    const path = `/v2/${upstream.host.replace(':', '_')}/bench/large/blobs/${layer.digest}`;
    const [redirecting, streaming] = five.gateways.map((url) => `${url}${path}`);
    const isOneKey = async () => (await fetch(redirecting, { redirect: 'manual' })).status === 307;
    await eventually('the blob is of one key', isOneKey, { withinMs: 120_000 });
    const targets = {
      'through the gateway': streaming,
      'by redirect': redirecting,
      'MinIO itself': await directUrl(minio),
      'docker-registry on a folder': `${upstream.url}/v2/bench/large/blobs/${layer.digest}`,
    };
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const [name, url] of Object.entries(targets))
        speeds.set(name, [...(speeds.get(name) ?? []), await download(url)]);
      say(`round ${round}: ${[...speeds].map(([name, list]) => `${name} ${Math.round(list.at(-1))} MB/s`).join(', ')}`);
    }
  } finally {
    await five.destroy();
    await Promise.all([upstream.stop(), minio.stop()]);
  }
  return {
    title: '100 MiB out of a bucket',
    columns: ['How', 'MB/s'],
    rows: [...speeds].map(([name, list]) => [name, Math.round(median(list)).toLocaleString('en')]),
    notes: [`Medians of ${ROUNDS} rounds in turn, one reader (curl).`],
  };
}
