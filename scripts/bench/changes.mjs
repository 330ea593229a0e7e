// Tags moved, containers made and removed: by REST and by message, in the large warehouse.
import { randomUUID } from 'node:crypto';
import { largeWarehouse, withDatabase } from './large-warehouse.mjs';
import { askerOf, ms, percentile, timeEach } from './latency.mjs';
import { publishAndHear } from './messages.mjs';

const WITHIN_MS = 2000;
const MOST = 3000;
const MESSAGES = 1000;

/** Images with a tag, as one names them, that run on this machine. */
async function readSources(entrepot) {
  const rows = await withDatabase(entrepot, async (client) => {
    const { rows: found } = await client.query(
      `SELECT r.name || ':' || t.name AS reference FROM tag t JOIN repository r ON r.id = t.repository_id
        JOIN manifest ON manifest.digest = t.digest WHERE r.upstream IS NOT NULL AND kind = 'image' AND platform ->> 'architecture' = $1 ORDER BY md5(t.name) LIMIT 1000`,
      [process.arch === 'x64' ? 'amd64' : process.arch],
    );
    return found;
  });
  return rows.map(({ reference }) => reference);
}

async function mustBe(answer, ...statuses) {
  const { status, text } = await answer;
  if (!statuses.includes(status)) throw new Error(`${status}: ${text}`);
  return JSON.parse(text);
}

/** The ways of REST, in this order: each is given how many have been done before. */
function waysOf({ ask }, { host }, sources) {
  const made = [];
  const key = () => ({ 'idempotency-key': randomUUID() });
  const tag = (at, round) => {
    const body = { source: sources[(at + round) % sources.length], target: `${host}/bench/moved:t${at % 500}` };
    return mustBe(ask('/api/v1/tags', { method: 'PUT', body, headers: key() }), 200, 201);
  };
  const create = async (at) => {
    const body = { image: sources[at % sources.length] };
    const { container } = await mustBe(ask('/api/v1/containers', { method: 'POST', body, headers: key() }), 201);
    made.push(container);
  };
  const remove = () => mustBe(ask(`/api/v1/containers/${made.pop()}`, { method: 'DELETE', headers: key() }), 200);
  return { tag, create, remove, made };
}

async function byRest(entrepot, sources, atOnce, say) {
  const asker = askerOf(entrepot.url, atOnce);
  const ways = waysOf(asker, entrepot, sources);
  const limits = { most: MOST, withinMs: WITHIN_MS, atOnce };
  try {
    await timeEach((at) => ways.tag(at, 1), { ...limits, withinMs: 300 });
    const rows = [
      ['tags moved', await timeEach((at) => ways.tag(at, 2 + atOnce), limits)],
      ['containers made', await timeEach(ways.create, limits)],
      ['containers removed', await timeEach(ways.remove, { ...limits, most: ways.made.length, withinMs: 30_000 })],
    ];
    return rows.map(([what, { took, perSecond }]) => {
      const row = [
        what,
        `REST, ${atOnce} at once`,
        perSecond.toFixed(0),
        ...[0.5, 0.99].map((part) => ms(percentile(took, part))),
      ];
      say(row.join(' | '));
      return row;
    });
  } finally {
    asker.close();
  }
}

/** Outcomes of what was asked over REST are told too: they are not to be taken for those of messages. */
async function untilAllIsTold(entrepot) {
  await withDatabase(entrepot, async (client) => {
    while ((await client.query('SELECT FROM outbox LIMIT 1')).rowCount > 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
}

async function byMessage(entrepot, sources, say) {
  const port = Number(new URL(entrepot.natsUrl).port);
  const names = Array.from({ length: MESSAGES }, (_, at) => `bench-${at}`);
  const kinds = [
    [
      'tags moved',
      'tag',
      (_, at) => ({ source: sources[at % sources.length], target: `${entrepot.host}/bench/sent:t${at % 500}` }),
    ],
    ['containers made', 'container-create', (name, at) => ({ image: sources[at % sources.length], name })],
    ['containers removed', 'container-remove', (name) => ({ container: name })],
  ];
  const rows = [];
  for (const [what, verb, bodyOf] of kinds) {
    await untilAllIsTold(entrepot);
    const began = performance.now();
    await publishAndHear(
      port,
      names.map(bodyOf).map((body) => JSON.stringify(body)),
      verb,
    );
    rows.push([what, `${MESSAGES} messages`, ((MESSAGES * 1000) / (performance.now() - began)).toFixed(0), '', '']);
    say(rows.at(-1).join(' | '));
  }
  const { json } = await entrepot.ask('GET', '/api/v1/operations?state=failed&limit=10');
  if (json.length > 0) throw new Error(`failed: ${JSON.stringify(json[0].error)}`);
  return rows;
}

export async function measure(say) {
  const { entrepot } = await largeWarehouse(say);
  const sources = await readSources(entrepot);
  const rows = [];
  for (const atOnce of [1, 8]) rows.push(...(await byRest(entrepot, sources, atOnce, say)));
  rows.push(...(await byMessage(entrepot, sources, say)));
  return {
    title: 'Tags and containers, changed',
    columns: ['What', 'How', 'a second', 'p50, ms', 'p99, ms'],
    rows,
    notes: [
      `In the warehouse of the table above. Each is an operation of its own, committed and fsynced before it is answered, with its facts. By REST up to ${MOST} within ${WITHIN_MS / 1000} s; by message from the first publish to the last outcome heard.`,
    ],
  };
}
