// A layer of 1 GiB comes in and goes out: the Node process must not grow with it.
import { DockerRegistry, Entrepot, memoryOf, mib, pushRandomImage, run } from './program.mjs';

const SIZES = [64 * 2 ** 20, 2 ** 30];

async function peakOf(size, say) {
  const [upstream, entrepot] = await Promise.all([DockerRegistry.start(), Entrepot.start()]);
  try {
    const [layer] = await pushRandomImage(upstream.host, 'bench/big', '1', [size]);
    const before = memoryOf(entrepot.pid, 'VmRSS');
    await entrepot.completed(await entrepot.pull(`${upstream.host}/bench/big:1`), 600_000);
    const inward = memoryOf(entrepot.pid, 'VmHWM');
    const path = `/v2/${upstream.host.replace(':', '_')}/bench/big/blobs/${layer.digest}`;
    const { stdout } = await run('curl', [
      '-sf',
      '-o',
      '/dev/null',
      '-w',
      '%{size_download}',
      `${entrepot.url}${path}`,
    ]);
    if (Number(stdout) !== size) throw new Error(`${stdout} bytes came, not ${size}`);
    const outward = memoryOf(entrepot.pid, 'VmHWM');
    say(`${mib(size)}: before ${mib(before)}, after in ${mib(inward)}, after out ${mib(outward)}`);
    return [mib(size), mib(before), mib(inward), mib(outward)];
  } finally {
    await Promise.all([upstream.stop(), entrepot.destroy()]);
  }
}

export async function measure(say) {
  const rows = [];
  for (const size of SIZES) rows.push(await peakOf(size, say));
  return {
    title: 'Memory while one layer comes in and goes out',
    columns: ['Layer', 'Before', 'Peak after it came in', 'Peak after it went out'],
    rows,
    notes: ['Resident memory of the Node process; peaks are its high-water mark (VmHWM) since its start.'],
  };
}
