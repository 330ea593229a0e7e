// Memory of each of five services on MinIO: when they are ready, and at most while they are under load.
import { DockerRegistry, FiveServices, MinioServer, memoryOf, mib, peer, pushRandomImage, run } from './program.mjs';

const PULLS = 4;
const LAYERS = Array(6).fill(50 * 1_000_000);
const IDLE_MS = 10_000;

async function load(five, upstream) {
  for (let at = 1; at <= PULLS; at += 1) await pushRandomImage(upstream.host, 'bench/image', `r${at}`, LAYERS);
  const references = Array.from({ length: PULLS }, (_, at) => `${upstream.host}/bench/image:r${at + 1}`);
  const ids = await Promise.all(references.map((reference) => five.pull(reference)));
  await Promise.all(ids.map((id) => five.completed(id, 300_000)));
  const base = `${five.url}/v2/${upstream.host.replace(':', '_')}/bench/image`;
  const { layers } = await (await fetch(`${base}/manifests/r1`)).json();
  const wrk = (url) => run(peer('wrk'), ['-t1', '-c16', '-d5s', url]);
  await Promise.all([wrk(`${base}/blobs/${layers[0].digest}`), wrk(`${base}/manifests/r1`)]);
}

export async function measure() {
  const [upstream, minio] = await Promise.all([DockerRegistry.start(), MinioServer.start()]);
  const five = await FiveServices.start(minio.environment('warehouse'));
  try {
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const services = [...five.pids].filter(([name]) => name !== 'postgres');
    const idle = services.map(([, pid]) => memoryOf(pid, 'VmRSS'));
    await load(five, upstream);
    return {
      title: 'Memory of five services on MinIO',
      columns: ['Process', 'Idle', 'Highest under load'],
      rows: services.map(([name, pid], at) => [name, mib(idle[at]), mib(memoryOf(pid, 'VmHWM'))]),
      notes: [
        `Resident memory ${IDLE_MS / 1000} s after the start, and the high-water mark (VmHWM) after ${PULLS} pulls of 300 MB at once, then 16 readers of a layer of 50 MB and 16 of a manifest.`,
      ],
    };
  } finally {
    await five.destroy();
    await Promise.all([upstream.stop(), minio.stop()]);
  }
}
