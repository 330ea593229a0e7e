import { TestBroker, until } from '#messaging/broker.testing';
import { DeadLetters } from '#messaging/dead-letters';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { BusyReplica, Load } from './busy-replica.testing';

const SOON = 90_000;
const REQUESTS = 60;
/** Requests that the database takes ill, until somebody mends it. */
const CURSED = 6;
const POISON = 6;
const SUBJECT = 'entrepot.request.pull';
const BODY = JSON.stringify({ reference: 'alpine:3' });

const CURSE = `
  CREATE FUNCTION curse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cursed'; END $$;
  CREATE TRIGGER curse BEFORE INSERT ON operation FOR EACH ROW WHEN (NEW.request_id LIKE 'cursed-%')
    EXECUTE FUNCTION curse()`;

interface Message {
  readonly id: string;
  readonly body: string;
}

const several = (count: number, name: string, body = (_: number) => BODY): Message[] =>
  Array.from({ length: count }, (_, n) => ({ id: `${name}-${n}`, body: body(n) }));

/** Each twice, the two far from each other as often as near, in an order that is no order. */
function twiceInDisorder(messages: readonly Message[]): Message[] {
  const rank = (n: number) => Math.imul(n + 1, 0x9e3779b1) >>> 0;
  return [...messages, ...messages]
    .map((message, n) => ({ message, rank: rank(n) }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ message }) => message);
}

let postgres: TestDatabase;
let broker: TestBroker;
const replicas: BusyReplica[] = [];
beforeEach(async () => {
  [postgres, broker] = await Promise.all([startTestDatabase(), TestBroker.start()]);
}, 60_000);
afterEach(async () => {
  for (const replica of replicas.splice(0)) await replica.stop();
  await Promise.all([postgres?.stop(), broker?.stop()]);
}, 60_000);

async function start(): Promise<BusyReplica> {
  const replica = await BusyReplica.start(postgres.url, { url: broker.url, replicas: 1 });
  replicas.push(replica);
  return replica;
}

const store = (replica: BusyReplica, { id, body }: Message) =>
  until(
    `${id} is kept`,
    () =>
      replica.bus.store(SUBJECT, body, id).then(
        () => true,
        () => false,
      ),
    SOON,
  );

it('each message twice and in any order, to any replica: each has one effect, and so have dead letters that are sent again meanwhile', async () => {
  const [one, other] = [await start(), await start()];
  await until(
    'the bus is there',
    () =>
      one.bus.ensureStreams().then(
        () => true,
        () => false,
      ),
    SOON,
  );
  await one.database.read(CURSE);
  const cursed = several(CURSED, 'cursed');
  const poison = several(POISON, 'poison', (n) => `{"reference": no JSON ${n}`);
  const good = several(REQUESTS, 'good');
  const load = new Load(one, 'load');
  const letters = new DeadLetters(other.bus);
  const idOf = ({ messageId }: { messageId: string | null }) => messageId ?? '';

  const all = twiceInDisorder([...good, ...cursed, ...poison]);
  for (const [n, message] of all.entries()) await store(n % 2 === 0 ? one : other, message);
  await until(
    'all that cannot be done is a dead letter',
    async () => new Set((await letters.list()).map(idOf)).size === CURSED + POISON,
    SOON,
  );
  expect([...(await one.taken()).keys()].filter((id) => id.startsWith('cursed'))).toEqual([]);

  // It is mended; what died is sent again, by two at once, and by who asked as well, while a replica goes and one comes.
  await one.database.read('DROP TRIGGER curse ON operation');
  const replay = async (of: DeadLetters) => {
    for (const { sequence } of await of.list()) await of.replay(sequence).catch(() => undefined);
  };
  const third = await start();
  await Promise.all([
    replay(new DeadLetters(one.bus)),
    replay(new DeadLetters(third.bus)),
    ...cursed.map((message) => store(third, message)),
    other.stop().then(() => replicas.splice(replicas.indexOf(other), 1)),
  ]);
  await replay(new DeadLetters(one.bus));
  await until('it goes on', () => load.told > 20, SOON);
  await load.end();
  await until('nothing waits', () => one.isQuiet().catch(() => false), SOON);

  const taken = await one.taken();
  expect([...taken].filter(([, times]) => times !== 1)).toEqual([]);
  const wanted = [...good.map(({ id }) => id), ...cursed.map(({ id }) => id), ...load.acknowledged];
  expect(wanted.filter((id) => !taken.has(id))).toEqual([]);
  expect([...taken.keys()].filter((id) => id.startsWith('poison'))).toEqual([]);
  expect((await one.accepted()).length).toBe(taken.size);
  for (const told of await one.told()) expect(told).toEqual(told.map((_, n) => n));
  await until(
    'of what nobody can do there are letters, and of nothing else',
    async () => {
      const left = await new DeadLetters(one.bus).list();
      return new Set(left.map(idOf)).size === POISON && left.every((letter) => idOf(letter).startsWith('poison'));
    },
    SOON,
  );
}, 300_000);
