// Each process is killed in turn and started again at once: how long a client, and a new pull, do without.
import { addScriptedImage, eventually, FiveServices, MinioServer, median, ScriptedUpstream } from './program.mjs';

const ROUNDS = 5;
const VICTIMS = ['gateway', 'metadata', 'blobs', 'fetcher', 'gc', 'nats', 'postgres', 'minio'];

async function killAndStart(five, minio, name) {
  if (name === 'minio') {
    await minio.kill9();
    return minio.startAgain();
  }
  if (name === 'nats' || name === 'postgres') {
    await five.killServer(name);
    return five.startServer(name);
  }
  await five.kill9(name);
  five.run(name);
}

/** Milliseconds until `ask` answers true. */
async function until(began, what, ask) {
  await eventually(what, ask, { withinMs: 120_000, everyMs: 10 });
  return performance.now() - began;
}

export async function measure(say) {
  const [upstream, minio] = await Promise.all([ScriptedUpstream.start(), MinioServer.start()]);
  const five = await FiveServices.start(minio.environment('warehouse'));
  let images = 0;
  const newImage = () => {
    images += 1;
    return addScriptedImage(upstream, `bench/image${images}`, Buffer.alloc(200_000, `image ${images}`));
  };
  const held = newImage();
  await five.completed(await five.pull(held.reference));
  const base = `${five.url}/v2/${upstream.domain.replace(':', '_')}/bench/image1`;
  const reads = async () => {
    const answers = await Promise.all([fetch(`${base}/manifests/1`), fetch(`${base}/blobs/${held.layer}`)]);
    const bodies = await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    return answers.every(({ ok }) => ok) && bodies.length === 2;
  };
  const rows = [];
  try {
    for (const victim of VICTIMS) {
      const times = { read: [], pull: [] };
      for (let round = 0; round < ROUNDS; round += 1) {
        const began = performance.now();
        const up = killAndStart(five, minio, victim);
        const pulled = (async () => {
          const id = await eventually('it is accepted', () => five.pull(newImage().reference), {
            withinMs: 120_000,
            everyMs: 10,
          });
          return until(began, 'the pull ends', async () => (await five.operation(id)).state === 'completed');
        })();
        await up;
        times.read.push(await until(began, 'it can be read', reads));
        times.pull.push(await pulled);
      }
      say(`${victim}: reads ${times.read.map(Math.round)} ms, pulls ${times.pull.map(Math.round)} ms`);
      const cell = (list) => `${(median(list) / 1000).toFixed(1)} s, ${(Math.max(...list) / 1000).toFixed(1)} s`;
      rows.push([victim, cell(times.read), cell(times.pull)]);
    }
  } finally {
    await five.destroy();
    await Promise.all([upstream.stop(), minio.stop()]);
  }
  return {
    title: 'After `kill -9` of one process, started again at once',
    columns: ['Killed', 'A held image is read again: median, worst', 'A new pull has ended: median, worst'],
    rows,
    notes: [
      `Five processes on MinIO, one of each. From the kill; ${ROUNDS} rounds; the start of the killed one is part of it.`,
    ],
  };
}
