// Facts that wait in the outbox while the bus is away, and how fast a subscriber has them when it is back.
import { connect } from 'node:net';
import { DockerRegistry, FiveServices, median, pushRandomImage } from './program.mjs';

const TAGS = 2000;
const AT_ONCE = 8;
const ROUNDS = 3;

/** Before any service has noticed that the server is back: each of them waits a second between two tries. */
async function connectAtOnce(port) {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const opened = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    if (opened) return socket;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Hears facts until those of tags are as many as are wanted, and gives how many of all came in a second. */
async function hearFacts(port, wanted) {
  const socket = await connectAtOnce(port);
  return new Promise((resolve, reject) => {
    let [facts, tags, began, rest] = [0, 0, 0, ''];
    socket.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop();
      const heads = lines.filter((line) => /^H?MSG entrepot\.fact\./.test(line));
      facts += heads.length;
      tags += heads.filter((line) => line.includes('.fact.tag.')).length;
      if (facts > 0) began ||= performance.now();
      if (lines.includes('PING')) socket.write('PONG\r\n');
      if (tags >= wanted) socket.end(() => resolve((facts / (performance.now() - began)) * 1000));
    });
    socket.once('error', reject);
    socket.write('CONNECT {"verbose":false,"headers":true}\r\nSUB entrepot.fact.> 1\r\n');
  });
}

async function tagMany(five, source, round) {
  const names = Array.from({ length: TAGS }, (_, at) => `r${round}-${at}`);
  const turn = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const answer = await five.ask('POST', '/api/v1/operations', {
        kind: 'tag',
        source,
        target: `${five.host}/bench/named:${name}`,
      });
      if (answer.status >= 300) throw new Error(answer.text);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, turn));
}

export async function measure(say) {
  const [upstream, five] = await Promise.all([DockerRegistry.start(), FiveServices.start()]);
  const rates = [];
  try {
    await pushRandomImage(upstream.host, 'bench/held', '1', [1000]);
    const source = `${upstream.host}/bench/held:1`;
    await five.completed(await five.pull(source));
    const port = Number(new URL(five.natsUrl).port);
    for (let round = 1; round <= ROUNDS; round += 1) {
      await five.killServer('nats');
      await tagMany(five, source, round);
      const heard = hearFacts(port, TAGS);
      await five.startServer('nats');
      rates.push(await heard);
      say(`round ${round}: ${rates.at(-1).toFixed(0)} a second`);
    }
  } finally {
    await Promise.all([upstream.stop(), five.destroy()]);
  }
  return {
    title: 'Facts from the outbox to a subscriber',
    columns: ['What', 'Measured'],
    rows: [
      [
        `facts of ${TAGS.toLocaleString('en')} tags that were given, and of their operations`,
        `${median(rates).toFixed(0)} a second`,
      ],
    ],
    notes: [
      `Median of ${ROUNDS} rounds. The facts came about while NATS was away, so all were waiting in Postgres. Each is stored in the stream, and synced to the disk, before it is heard; five processes.`,
    ],
  };
}
