// An image of 300 MB in both shapes, and the same bytes put into a bucket by nobody but curl.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DockerRegistry,
  Entrepot,
  FiveServices,
  MinioServer,
  median,
  processorSeconds,
  pushRandomImage,
  removeFolder,
  run,
  seconds,
  tempFolder,
} from './program.mjs';

const ROUNDS = 3;
const LAYERS = Array(6).fill(50 * 1_000_000);

/** Wall time of what `work` does, and processor seconds of those who do it: each with all below it. */
async function costOf(groups, work) {
  const used = () => groups.map((pids) => pids.reduce((sum, pid) => sum + processorSeconds(pid), 0));
  const before = used();
  const began = performance.now();
  await work();
  const ms = performance.now() - began;
  return { ms, cpu: used().map((each, at) => each - before[at]) };
}

const pull = async (warehouse, reference) => warehouse.completed(await warehouse.pull(reference), 300_000);

/** As many at once as a pull takes layers. */
async function put(client, files, round) {
  const urls = await Promise.all(files.map((_, at) => client.presignedPutObject('plain', `${round}/${at}`)));
  await Promise.all(files.map((file, at) => run('curl', ['-sf', '-T', file, urls[at]])));
}

function randomFiles(folder) {
  return LAYERS.map((size, at) => {
    const file = join(folder, String(at));
    writeFileSync(file, randomBytes(size));
    return file;
  });
}

export async function measure(say) {
  const [upstream, minio, folder] = await Promise.all([DockerRegistry.start(), MinioServer.start(), tempFolder('put')]);
  const client = minio.client();
  await client.makeBucket('plain');
  const [one, five] = await Promise.all([Entrepot.start(), FiveServices.start(minio.environment('warehouse'))]);
  const files = randomFiles(folder);
  const services = [...five.pids.values()];
  const costs = { one: [], five: [], put: [] };
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      await pushRandomImage(upstream.host, 'bench/image', `r${round}`, LAYERS);
      const reference = `${upstream.host}/bench/image:r${round}`;
      costs.one.push(await costOf([[one.pid], []], () => pull(one, reference)));
      costs.five.push(await costOf([services, [minio.pid]], () => pull(five, reference)));
      costs.put.push(await costOf([[], [minio.pid]], () => put(client, files, round)));
      say(
        `round ${round}: ${Object.entries(costs)
          .map(([name, rounds]) => `${name} ${seconds(rounds.at(-1).ms)}`)
          .join(', ')}`,
      );
    }
  } finally {
    await Promise.all([one.destroy(), five.destroy()]);
    await Promise.all([upstream.stop(), minio.stop(), removeFolder(folder)]);
  }
  const row = (name, rounds, ...parts) => [
    name,
    seconds(median(rounds.map(({ ms }) => ms))),
    ...[0, 1].map((at) => (parts.includes(at) ? `${median(rounds.map(({ cpu }) => cpu[at])).toFixed(2)} s` : '')),
  ];
  return {
    title: 'A pull of 300 MB, 6 layers, in both shapes',
    columns: ['By', 'Wall', 'Processor', 'Processor of MinIO'],
    rows: [
      row('one process, folder store', costs.one, 0),
      row('five processes, MinIO', costs.five, 0, 1),
      row('`curl` puts the same bytes into MinIO, 6 at once', costs.put, 1),
    ],
    notes: [
      `Medians of ${ROUNDS} rounds, a new image each. The processor time is that of Entrepot, Postgres and NATS.`,
    ],
  };
}
