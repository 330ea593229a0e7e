// 1,000 pull messages for images that are held already.
import { connect } from 'node:net';
import { DockerRegistry, Entrepot, median, pushRandomImage } from './program.mjs';

const MESSAGES = 1000;
const ROUNDS = 3;

function publishAll(port, bodies) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.setEncoding('utf8').on('data', (text) => {
      heard += text;
      if (heard.includes('PONG')) socket.end();
    });
    socket.once('error', reject).once('close', resolve);
    const lines = bodies.map((body) => `PUB entrepot.request.pull ${Buffer.byteLength(body)}\r\n${body}\r\n`);
    socket.write(`CONNECT {"verbose":false}\r\n${lines.join('')}PING\r\n`);
  });
}

/** Operations that have not ended, of any page. */
async function open(entrepot) {
  const counts = await Promise.all(
    ['accepted', 'running'].map(async (state) => {
      const { json } = await entrepot.ask('GET', `/api/v1/operations?state=${state}&limit=1`);
      return json.length;
    }),
  );
  return counts.reduce((sum, each) => sum + each, 0);
}

async function countAll(entrepot) {
  let count = 0;
  for (let path = '/api/v1/operations?limit=1000'; path; ) {
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
      const wanted = (await countAll(entrepot)) + MESSAGES;
      const began = performance.now();
      await publishAll(port, bodies);
      while ((await countAll(entrepot)) < wanted || (await open(entrepot)) > 0) {
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      rates.push((MESSAGES / (performance.now() - began)) * 1000);
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
        `${MESSAGES} messages, from the first publish to the last operation's end`,
        `${median(rates).toFixed(0)} a second`,
      ],
    ],
    notes: [
      `Median of ${ROUNDS} rounds. Each asks the upstream whether the tag moved, and ends in Postgres with its facts.`,
    ],
  };
}
