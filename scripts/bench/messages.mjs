// 1,000 pull messages for images that are held already.
import { connect } from 'node:net';
import { DockerRegistry, Entrepot, median, pushRandomImage } from './program.mjs';

const MESSAGES = 1000;
const ROUNDS = 3;

/** Publishes, and resolves when as many outcomes have come back: what a person at a NATS client sees. */
export function publishAndHear(port, bodies, verb = 'pull') {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let rest = '';
    let heard = 0;
    socket.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop();
      heard += lines.filter((line) => line.startsWith('MSG entrepot.outcome.')).length;
      if (lines.includes('PING')) socket.write('PONG\r\n');
      if (heard >= bodies.length) socket.end();
    });
    socket.once('error', reject).once('close', resolve);
    const lines = bodies.map((body) => `PUB entrepot.request.${verb} ${Buffer.byteLength(body)}\r\n${body}\r\n`);
    socket.write(`CONNECT {"verbose":false}\r\nSUB entrepot.outcome.anonymous.* 1\r\n${lines.join('')}PING\r\n`);
  });
}

async function countCompleted(entrepot) {
  let count = 0;
  for (let path = '/api/v1/operations?state=completed&limit=1000'; path; ) {
    const { json, headers } = await entrepot.ask('GET', path);
    count += json.length;
    path = /<([^>]+)>; *rel="?next"?/.exec(headers.get('link') ?? '')?.[1];
  }
  return count;
}

export async function measure(say) {
  const [upstream, entrepot] = await Promise.all([DockerRegistry.start(), Entrepot.start()]);
  const rates = [];
  try {
    await pushRandomImage(upstream.host, 'bench/held', '1', [1000]);
    const reference = `${upstream.host}/bench/held:1`;
    await entrepot.completed(await entrepot.pull(reference));
    const port = Number(new URL(entrepot.natsUrl).port);
    for (let round = 1; round <= ROUNDS; round += 1) {
      const bodies = Array.from({ length: MESSAGES }, () => JSON.stringify({ reference }));
      const began = performance.now();
      await publishAndHear(port, bodies);
      rates.push((MESSAGES / (performance.now() - began)) * 1000);
      const completed = await countCompleted(entrepot);
      if (completed !== round * MESSAGES + 1) throw new Error(`${completed} operations completed after round ${round}`);
      say(`round ${round}: ${rates.at(-1).toFixed(0)} a second`);
    }
  } finally {
    await Promise.all([upstream.stop(), entrepot.destroy()]);
  }
  return {
    title: 'Pull messages for images already held',
    columns: ['What', 'Measured'],
    rows: [
      [
        `${MESSAGES} messages, from the first publish to the last outcome heard`,
        `${median(rates).toFixed(0)} a second`,
      ],
    ],
    notes: [
      `Median of ${ROUNDS} rounds. Each asks the upstream whether the tag moved, and ends in Postgres with its facts.`,
    ],
  };
}
