import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { FiveServices, type ServerName } from '#testing/five-services';
import { NatsWire } from '#testing/nats-wire';
import { readFacts } from '#testing/read-facts';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import { describeWithDisk, SmallDisk } from '#testing/small-disk';
import { removeFolder, tempFolder } from '#testing/temp-folder';

const ROOM = '1g';
/** What is said to be here is promised to stay, by a row: as a rule it is written once an hour, and by readers too. */
const SETTINGS = { ...SHORT_TIMES, ENTREPOT_PIN_MS: '7200000', ENTREPOT_PIN_WRITE_MS: '3600000' };
/** A message that is kept is said to be within a moment. */
const ANSWER_MS = 4_000;
const END = /^dev\.entrepot\.fact\.operation\.(completed|failed|cancelled)\.v1$/;

describeWithDisk('a server whose own disk is full, under five services', () => {
  let upstream: ScriptedUpstream;
  let folder: string;
  let disk: SmallDisk;
  let services: FiveServices;
  let held: ScriptedImage;
  let made = 0;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start();
  });

  afterAll(() => upstream?.stop());

  /** Of the servers this one alone is on the disk; the store and the other one have room. */
  async function startOn(server: ServerName): Promise<void> {
    folder = await tempFolder('full');
    await chmod(folder, 0o711);
    disk = await SmallDisk.mount(join(folder, 'disk'), ROOM, 'mode=711');
    services = await FiveServices.start(SETTINGS, { servers: { [server]: join(disk.folder, server) } });
    held = newImage(300_000);
    await services.completed(await services.pull(held.reference));
    await isRead();
  }

  async function stop(): Promise<void> {
    await services?.stop();
    await disk?.unmount();
    await removeFolder(folder);
  }

  function newImage(size = 1_000): ScriptedImage {
    made += 1;
    return addScriptedImage(upstream, `team/made-${made}`, randomBytes(size));
  }

  const layerOf = async ({ path, layer }: ScriptedImage) =>
    fetch(`${services.url}${path}/blobs/${layer}`).then(async (answer) => (await answer.arrayBuffer()).byteLength);

  async function isRead(): Promise<void> {
    const { status, text } = await services.ask('GET', `${held.path}/manifests/1`);
    expect([status, await layerOf(held), status === 200 || text]).toEqual([200, 300_000, true]);
  }

  describe('that of Postgres', () => {
    beforeAll(() => startOn('postgres'), 120_000);
    afterAll(stop, 60_000);

    const accepted: string[] = [];

    it('takes requests until it is full, then says what to do; what is here is read', async () => {
      // What is written goes into its journal first, which has room of its own for a while: else it ends at once.
      await ask(services.databaseUrl, 'SELECT pg_switch_wal()');
      await ask(services.databaseUrl, 'CHECKPOINT');
      await disk.fill();
      const refused = await eventually(
        'a request is refused',
        async () => {
          const answer = await services.ask('POST', '/api/v1/operations', {
            kind: 'pull',
            reference: newImage().reference,
          });
          if (answer.status !== 202) return answer;
          accepted.push((answer.json as { id: string }).id);
          return null;
        },
        { withinMs: 90_000, everyMs: 1 },
      );
      expect(refused).toMatchObject({
        status: 503,
        json: { code: 'UNAVAILABLE', detail: "the database's disk is full: free space, or give it more" },
      });
      expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
      await isRead();
    }, 120_000);

    it('that ends for want of room costs 503 and never 404; once there is room, what was accepted is done', async () => {
      const ended = services.untilServerEnds('postgres').then(() => true);
      // A new segment of its journal finds no room: it ends, and so it would at each start.
      await switchJournal(services.databaseUrl, ended);
      const { status } = await services.ask('GET', `${held.path}/manifests/1`);
      expect([200, 503]).toContain(status);
      await disk.resize(ROOM);
      if (await Promise.race([ended, delay(1_000, false)])) await services.startServer('postgres');
      await eventually('it is ready', async () => (await services.ask('GET', '/readyz')).status === 200);
      for (const id of accepted) expect(await services.ended(id, 90_000)).toMatchObject({ state: 'completed' });
      await services.completed(await services.pull(newImage().reference));
      await isRead();
      await eventually('nothing is left over', async () => (await services.fsck()).length === 0);
      expect(services.log).toMatch(/the database's disk is full: free space, or give it more/);
      expect(services.log).not.toMatch(/unhandled|uncaught/i);
    }, 240_000);
  });

  describe('that of NATS', () => {
    beforeAll(() => startOn('nats'), 120_000);
    afterAll(stop, 60_000);

    const kept: string[] = [];
    const unanswered: (readonly [id: string, reference: string])[] = [];

    /** Whether the bus said that it keeps it. */
    async function publish(id: string, reference: string): Promise<boolean> {
      const wire = await NatsWire.connect(services.natsUrl);
      const type = 'dev.entrepot.request.pull.v1';
      const event = { specversion: '1.0', id, source: '/spec', type, data: { reference } };
      const answer = wire.request('entrepot.request.pull', event).then((said) => 'seq' in (said as object));
      answer.catch(() => undefined);
      try {
        return await Promise.race([answer, delay(ANSWER_MS, false)]);
      } finally {
        wire.close();
      }
    }

    const operationOf = async (id: string) => {
      const all = (await services.operations()).filter(({ requestId }) => requestId === id);
      expect(all.length).toBeLessThanOrEqual(1);
      return all[0]?.state === 'completed';
    };

    it('keeps no message that it has no room for; REST and reads go on, and the log says what to do', async () => {
      await disk.fill();
      await eventually(
        'a message is not kept',
        async () => {
          const [id, reference] = [`message-${made}`, newImage().reference];
          if (!(await publish(id, reference))) return unanswered.push([id, reference]);
          kept.push(id);
          return null;
        },
        { withinMs: 90_000, everyMs: 1 },
      );
      await services.completed(await services.pull(newImage().reference));
      await isRead();
      await eventually(
        'it is said',
        async () => /NATS does not say whether it keeps .*: if its disk was full, give it room/.test(services.log),
        { withinMs: 60_000 },
      );
    }, 180_000);

    it('with room and a new start all goes on: whoever got no answer asks again, and each is done once', async () => {
      await disk.resize(ROOM);
      await services.killServer('nats');
      await services.startServer('nats');
      for (const [id, reference] of unanswered) {
        await eventually('it is kept now', () => publish(id, reference), { withinMs: 60_000 });
        kept.push(id);
      }
      for (const id of kept) await eventually(`${id} is done`, () => operationOf(id), { withinMs: 90_000 });
      const all = await services.operations();
      const facts = await eventually('every end is told', async () => {
        const ends = (await readFacts(services.natsUrl, 0)).filter(({ type }) => END.test(type));
        return ends.length >= all.length && ends;
      });
      expect(facts.map(({ data }) => data.operation).sort()).toEqual(all.map(({ id }) => id).sort());
      expect(await services.fsck()).toEqual([]);
      expect(services.log).not.toMatch(/unhandled|uncaught/i);
    }, 240_000);
  });
});

/** Until it has ended, or has had as many new segments as a full disk can have kept for it. */
async function switchJournal(url: string, ended: Promise<boolean>): Promise<void> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  for (let tried = 0; tried < 10 && !isOver; tried += 1) {
    await ask(url, "SELECT pg_logical_emit_message(true, 'spec', repeat('x', 9000)), pg_switch_wal()").catch(
      () => null,
    );
  }
}

async function ask(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end().catch(() => undefined);
  }
}
