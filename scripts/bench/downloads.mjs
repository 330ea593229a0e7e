// 100 MiB out of a bucket: through the gateway, by redirect, from MinIO itself; and from a registry on a folder.
import {
  DockerRegistry,
  eventually,
  FiveServices,
  MinioServer,
  median,
  processorSeconds,
  pushRandomImage,
  run,
} from './program.mjs';

const ROUNDS = 5;
/** Processor time comes in hundredths of a second. */
const A_ROUND = 4;
const SIZE = 100 * 2 ** 20;
const BUCKET = 'warehouse';

/** MB/s, and seconds of processor time for each GiB by the name of who used them. */
async function download(url, pids) {
  const used = () => pids.map(([, pid]) => processorSeconds(pid));
  const before = used();
  let seconds = 0;
  for (let at = 0; at < A_ROUND; at += 1) {
    const { stdout } = await run('curl', ['-sfL', '-o', '/dev/null', '-w', '%{size_download} %{time_total}', url]);
    const [bytes, time] = stdout.split(' ').map(Number);
    if (bytes !== SIZE) throw new Error(`${url}: ${bytes} bytes came`);
    seconds += time;
  }
  const gib = (A_ROUND * SIZE) / 2 ** 30;
  const after = used();
  return { speed: (A_ROUND * SIZE) / 1e6 / seconds, processor: pids.map((_, at) => (after[at] - before[at]) / gib) };
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
    own: async () => ({ 'second gateway': { ENTREPOT_REDIRECT: 'off' } }),
  });
  const measured = new Map();
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
    const pids = [
      ['gateway', five.pids.get('second gateway')],
      ['blobs', five.pids.get('second blobs')],
      ['MinIO', minio.pid],
    ];
    for (const url of Object.values(targets)) await download(url, pids);
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const [name, url] of Object.entries(targets))
        measured.set(name, [...(measured.get(name) ?? []), await download(url, pids)]);
      const speeds = [...measured].map(([name, list]) => `${name} ${Math.round(list.at(-1).speed)} MB/s`);
      say(`round ${round}: ${speeds.join(', ')}`);
    }
  } finally {
    await five.destroy();
    await Promise.all([upstream.stop(), minio.stop()]);
  }
  const processor = (list, at) => median(list.map((each) => each.processor[at])).toFixed(2);
  return {
    title: '100 MiB out of a bucket',
    columns: ['How', 'MB/s', 'Processor of gateway, s/GiB', 'of blobs', 'of MinIO'],
    rows: [...measured].map(([name, list]) => [
      name,
      Math.round(median(list.map(({ speed }) => speed))).toLocaleString('en'),
      ...[0, 1, 2].map((at) => processor(list, at)),
    ]),
    notes: [`Medians of ${ROUNDS} rounds in turn, of ${A_ROUND} downloads each; one reader (curl).`],
  };
}
