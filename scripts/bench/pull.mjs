// An image of 300 MB comes from a registry on loopback: by message, and by skopeo into a folder.
import { join } from 'node:path';
import {
  DockerRegistry,
  Entrepot,
  median,
  peer,
  processorSeconds,
  pushRandomImage,
  removeFolder,
  seconds,
  tempFolder,
  timed,
} from './program.mjs';

const ROUNDS = 3;
const LAYERS = Array(6).fill(50 * 1_000_000);

async function pullByUs(entrepot, reference) {
  const cpuBefore = processorSeconds(entrepot.pid);
  const began = performance.now();
  await entrepot.completed(await entrepot.pull(reference), 300_000);
  return { ms: performance.now() - began, cpu: processorSeconds(entrepot.pid) - cpuBefore };
}

async function pullBySkopeo(reference, folder) {
  return timed(peer('skopeo'), ['copy', '-q', '--src-tls-verify=false', `docker://${reference}`, `dir:${folder}`]);
}

export async function measure(say) {
  const [upstream, entrepot, folder] = await Promise.all([
    DockerRegistry.start(),
    Entrepot.start(),
    tempFolder('pull'),
  ]);
  const ours = [];
  const theirs = [];
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      await pushRandomImage(upstream.host, 'bench/image', `r${round}`, LAYERS);
      const reference = `${upstream.host}/bench/image:r${round}`;
      ours.push(await pullByUs(entrepot, reference));
      theirs.push(await pullBySkopeo(reference, join(folder, `r${round}`)));
      say(`round ${round}: entrepot ${seconds(ours.at(-1).ms)}, skopeo ${seconds(theirs.at(-1).ms)}`);
    }
  } finally {
    await Promise.all([upstream.stop(), entrepot.destroy(), removeFolder(folder)]);
  }
  const row = (name, rounds) => [
    name,
    seconds(median(rounds.map(({ ms }) => ms))),
    `${median(rounds.map(({ cpu }) => cpu)).toFixed(2)} s`,
  ];
  return {
    title: 'A pull of 300 MB, 6 layers, from a registry on loopback',
    columns: ['By', 'Wall', 'Processor'],
    rows: [
      row('Entrepot, verified and fsynced, Postgres and NATS included', ours),
      row('`skopeo copy` to a folder', theirs),
    ],
    notes: [`Medians of ${ROUNDS} rounds, a new image each.`],
  };
}
