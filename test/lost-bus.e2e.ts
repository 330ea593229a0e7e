import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type RunningNatsServer, startNatsServer } from '#children/nats-server';
import { DockerRegistry } from '#testing/docker-registry';
import { Entrepot } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { FiveServices } from '#testing/five-services';
import { pullBySkopeo } from '#testing/image-pull';
import { NatsWire } from '#testing/nats-wire';
import { describeWithPeers, peer } from '#testing/peers';
import { steadyPort } from '#testing/steady-port';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import type { Warehouse } from '#testing/warehouse';

/** A warehouse whose bus can be lost, with all that it has stored. */
interface Stage {
  readonly warehouse: Warehouse;
  readonly natsUrl: string;
  killBus(): Promise<void>;
  /** Starts it with an empty store. */
  startBusAnew(): Promise<void>;
  end(): Promise<void>;
}

async function oneProcess(): Promise<Stage> {
  const folder = await tempFolder('nats');
  const start = (port: number) => startNatsServer({ folder, port, binary: peer('nats-server') });
  let nats: RunningNatsServer = await start(await steadyPort());
  const warehouse = await Entrepot.start({ NATS_URL: nats.url, ENTREPOT_NATS_ISSUER_FILE: nats.issuerFile });
  return {
    warehouse,
    natsUrl: nats.anonymousUrl,
    killBus: () => nats.kill(),
    async startBusAnew() {
      await rm(join(folder, 'jetstream'), { recursive: true, force: true });
      nats = await start(nats.port);
    },
    async end() {
      await warehouse.destroy();
      await nats.stop();
      await removeFolder(folder);
    },
  };
}

async function fiveProcesses(): Promise<Stage> {
  const warehouse = await FiveServices.start();
  const store = join(dirname(dirname(warehouse.objects)), 'nats', 'jetstream');
  return {
    warehouse,
    natsUrl: warehouse.natsUrl,
    killBus: () => warehouse.killServer('nats'),
    async startBusAnew() {
      await rm(store, { recursive: true, force: true });
      await warehouse.startServer('nats');
    },
    end: () => warehouse.destroy(),
  };
}

const SHAPES = { 'one process': oneProcess, 'five processes': fiveProcesses };
const SOON = { withinMs: 90_000 };

interface Outcome {
  readonly type: string;
  readonly data: { readonly operation: string; readonly principal: string };
}

describeWithPeers('without its bus', ['docker-registry', 'skopeo', 'nats-server'], () => {
  let upstream: DockerRegistry;
  beforeAll(async () => {
    upstream = await DockerRegistry.start();
    await upstream.push('library/quick:1');
  }, 120_000);
  afterAll(() => upstream?.stop());

  it.each(Object.keys(SHAPES) as (keyof typeof SHAPES)[])(
    '%s: clients pull and REST answers; with a new one all goes on, and users of the bus are let in and thrown out',
    async (shape) => {
      const stage = await SHAPES[shape]();
      const { warehouse } = stage;
      const open: NatsWire[] = [];
      try {
        const { status, json } = await warehouse.ask('POST', '/api/v1/bus-users', { name: 'ci' });
        expect(status).toBe(201);
        const { principal, password } = json as { principal: string; password: string };
        const login = async () => {
          const url = stage.natsUrl.replace('//', `//${principal}:${password}@`);
          const wire = await NatsWire.connect(url, `_INBOX_${principal}`);
          open.push(wire);
          return wire;
        };
        const image = (name: string) => `${upstream.host}/library/${name}`;
        for (const name of ['own:1', 'cold:1', 'rest:1', 'after:1'])
          await upstream.push('library/quick:1', `library/${name}`);
        const client = (name: string) =>
          pullBySkopeo(`${warehouse.host}/${upstream.host.replace(':', '_')}/library/${name}`);

        const wire = await login();
        await wire.subscribe(`entrepot.outcome.${principal}.>`);
        const outcome = wire.message();
        await wire.publish(`entrepot.request.pull.${principal}`, JSON.stringify({ reference: image('own:1') }));
        const { body } = await outcome;
        expect(JSON.parse(body) as Outcome).toMatchObject({
          type: expect.stringContaining('operation.completed'),
          data: { principal },
        });

        await stage.killBus();
        await client('own:1');
        await client('cold:1');
        const pulled = await warehouse.completed(await warehouse.pull(image('rest:1')), SOON.withinMs);
        expect(await warehouse.images()).toHaveLength(3);
        expect((await warehouse.ask('GET', '/api/v1/events')).status).toBe(503);

        await stage.startBusAnew();
        const again = await eventually('the user is let in again', login, SOON);
        const asked = JSON.stringify({ reference: image('after:1') });
        const subject = `entrepot.request.pull.${principal}`;
        await eventually('a request is stored', () => again.request(subject, JSON.parse(asked) as object), SOON);
        await eventually('it is pulled', async () => (await warehouse.images()).length === 4, SOON);
        const ends = async () => {
          const facts = await again.requestMany('$JS.API.DIRECT.GET.ENTREPOT_FACTS', { seq: 1, batch: 1_000 });
          const told = (facts as Outcome[]).filter(({ type }) => type.includes('operation.completed'));
          return told.filter(({ data }) => data.operation === pulled.id).length;
        };
        await eventually('what happened meanwhile is told', async () => (await ends()) > 0, SOON);
        expect(await ends()).toBe(1);

        expect((await warehouse.ask('DELETE', '/api/v1/bus-users/ci')).status).toBe(204);
        await eventually('the user is out', async () => again.isClosed, SOON);
        await expect(login()).rejects.toThrow(/Authorization/);
        expect(warehouse.log).not.toContain(password);
        expect(await warehouse.fsck()).toEqual([]);
      } finally {
        for (const wire of open) wire.close();
        await stage.end();
      }
    },
    300_000,
  );
});
