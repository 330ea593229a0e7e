// Manifest by tag, blob HEAD, 1 MiB and 100 MiB GET: beside docker-registry and nginx, round after round.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DockerRegistry, Entrepot, median, peer, pushRandomImage, removeFolder, run, tempFolder } from './program.mjs';

const ROUNDS = 3;
const ACCEPT = 'application/vnd.oci.image.manifest.v1+json';
const MIB = 2 ** 20;

const perSecond = (text) => Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]);

async function requests(url) {
  const { stdout } = await run(peer('wrk'), ['-t1', '-c16', '-d4s', '-H', `Accept: ${ACCEPT}`, url]);
  if (/Non-2xx/.test(stdout)) throw new Error(`${url}: ${stdout}`);
  return perSecond(stdout);
}

async function heads(url) {
  const { stdout } = await run(peer('ab'), ['-q', '-i', '-k', '-c16', '-n', '15000', url]);
  if (!/Failed requests:\s+0/.test(stdout) || /Non-2xx/.test(stdout)) throw new Error(`${url}: ${stdout}`);
  return Number(/Requests per second:\s+([\d.]+)/.exec(stdout)[1]);
}

async function download(url) {
  const speeds = [];
  for (let at = 0; at < 3; at += 1) {
    const { stdout } = await run('curl', ['-sf', '-o', '/dev/null', '-w', '%{speed_download}', url]);
    speeds.push(Number(stdout) / 1e6);
  }
  return median(speeds);
}

async function startNginx(folder, blobs) {
  const port = await new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
  mkdirSync(join(folder, 'www'));
  for (const [name, bytes] of Object.entries(blobs)) writeFileSync(join(folder, 'www', name), bytes);
  execFileSync('chmod', ['-R', 'a+rX', folder]);
  const config = `worker_processes 1; daemon off; error_log ${folder}/error.log; pid ${folder}/pid; events {}
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
server { listen 127.0.0.1:${port}; root ${folder}/www; } }`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  const child = spawn(peer('nginx'), ['-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(`${url}/small`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error('nginx did not start');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { url, stop: () => new Promise((resolve) => child.once('close', resolve) && child.kill('SIGTERM')) };
}

export async function measure(say) {
  const folder = await tempFolder('reads');
  execFileSync('chmod', ['711', folder]);
  const blobs = { small: randomBytes(MIB), large: randomBytes(100 * MIB), manifest: randomBytes(700) };
  const [upstream, entrepot] = await Promise.all([DockerRegistry.start(), Entrepot.start()]);
  const nginx = await startNginx(folder, blobs);
  const figures = new Map();
  try {
    const [small, large] = await pushRandomImage(upstream.host, 'bench/reads', '1', [MIB, 100 * MIB]);
    await entrepot.completed(await entrepot.pull(`${upstream.host}/bench/reads:1`));
    const registry = (base) => ({
      tag: `${base}/manifests/1`,
      small: `${base}/blobs/${small.digest}`,
      large: `${base}/blobs/${large.digest}`,
    });
    const targets = {
      Entrepot: registry(`${entrepot.url}/v2/${upstream.host.replace(':', '_')}/bench/reads`),
      'docker-registry': registry(`${upstream.url}/v2/bench/reads`),
      'nginx (files)': { tag: `${nginx.url}/manifest`, small: `${nginx.url}/small`, large: `${nginx.url}/large` },
    };
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const [name, urls] of Object.entries(targets)) {
        const row = [
          await requests(urls.tag),
          await heads(urls.small),
          ((await requests(urls.small)) * MIB) / 1e6,
          await download(urls.large),
        ];
        figures.set(name, [...(figures.get(name) ?? []), row]);
        say(`round ${round}, ${name}: ${row.map(Math.round).join(' ')}`);
      }
    }
  } finally {
    await Promise.all([upstream.stop(), entrepot.destroy(), nginx.stop()]);
    await removeFolder(folder);
  }
  const middle = (rounds, at) => Math.round(median(rounds.map((row) => row[at])));
  return {
    title: 'Reads, side by side',
    columns: ['', 'manifest by tag, req/s', 'blob HEAD, req/s', '1 MiB GET, MB/s', '100 MiB GET, MB/s'],
    rows: [...figures].map(([name, rounds]) => [
      name,
      ...[0, 1, 2, 3].map((at) => middle(rounds, at).toLocaleString('en')),
    ]),
    notes: [
      `Medians of ${ROUNDS} rounds in turn. wrk -t1 -c16 for GET, ab -k -c16 for HEAD, curl for 100 MiB. nginx serves plain files of the same sizes: the raw limit.`,
    ],
  };
}
