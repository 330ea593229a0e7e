import { randomBytes } from 'node:crypto';
import { CuttableProxy } from '#testing/cuttable-proxy';
import { SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { type Addresses, FiveServices, type OwnSettings, TWINS } from '#testing/five-services';
import { describeWithNetwork, NetNamespace } from '#testing/net-namespace';
import { readFacts } from '#testing/read-facts';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import { checkOrder } from './chaos/audit';

const SECONDS = 1_000;
/** As long as anything that asks is waited for, and some more: the machine may have much else to do. */
const UNTIL_AWAY = { withinMs: 60 * SECONDS, everyMs: 500 };
const UNTIL_ALL = { withinMs: 120 * SECONDS, everyMs: 500 };
const ENDED = /^dev\.entrepot\.fact\.operation\.(completed|failed|cancelled)\.v1$/;

/**
 * The second process of each service is on a machine of its own, as far as the network goes. Between that and the one
 * with the servers packets can be dropped without a word.
 */
describeWithNetwork('two of each service, of which one loses what the other keeps', () => {
  let upstream: ScriptedUpstream;
  let namespace: NetNamespace;
  let services: FiveServices;
  const lines = new Map<'postgres' | 'nats', CuttableProxy>();
  const others: CuttableProxy[] = [];
  const images: ScriptedImage[] = [];

  beforeAll(async () => {
    [upstream, namespace] = await Promise.all([ScriptedUpstream.start(), NetNamespace.make()]);
    const isThere = (name: string) => TWINS.some((twin) => twin === name);
    services = await FiveServices.start(SHORT_TIMES, {
      twins: true,
      own: connect,
      prefix: (name) => (isThere(name) ? namespace.prefix : []),
    });
  }, 180_000);

  afterAll(async () => {
    await namespace?.mend().catch(() => undefined);
    await services?.stop();
    await Promise.all([...lines.values(), ...others].map((line) => line.stop()));
    await namespace?.remove();
    await upstream?.stop();
  }, 90_000);

  async function connect({ postgres, nats, blobs, secondGateway }: Addresses): Promise<OwnSettings> {
    const [host, port] = [namespace.inside, Number(secondGateway.port)];
    const line = async (target: number) => {
      const proxy = await CuttableProxy.start(target, { host: namespace.outside });
      others.push(proxy);
      return proxy.port;
    };
    for (const [name, url] of [
      ['postgres', postgres],
      ['nats', nats],
    ] as const) {
      const proxy = await CuttableProxy.start(Number(url.port), { host: namespace.outside });
      lines.set(name, proxy);
      [url.hostname, url.port] = [namespace.outside, String(proxy.port)];
    }
    for (const here of [Number(blobs.port), upstream.port]) await namespace.carry(here, await line(here));
    others.push(await CuttableProxy.start({ host, port }, { port }));
    const servers = { DATABASE_URL: postgres.href, NATS_URL: nats.href };
    const all = Object.fromEntries(TWINS.map((name) => [name, servers]));
    return { ...all, 'second gateway': { ...servers, ENTREPOT_HOST: host, ENTREPOT_ALLOW_ANONYMOUS: 'true' } };
  }

  const [first, second] = [() => services.gateways[0]!, () => services.gateways[1]!];
  const cut = (server: 'postgres' | 'nats') => namespace.cut(lines.get(server)!.port);

  function newImage(): ScriptedImage {
    const image = addScriptedImage(upstream, `team/made-${images.length}`, randomBytes(200_000));
    images.push(image);
    return image;
  }

  const ready = async (gateway: string) =>
    fetch(`${gateway}/readyz`).then(async (answer) => ({
      status: answer.status,
      text: await answer.text(),
    }));

  async function reads(gateway: string, { path, layer }: ScriptedImage): Promise<number[]> {
    const [manifest, blob] = [`manifests/1`, `blobs/${layer}`];
    const answers = await Promise.all([manifest, blob].map((what) => fetch(`${gateway}${path}/${what}`)));
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    return answers.map(({ status }) => status);
  }

  /** By REST, at one of the gateways; which fetcher does it is nobody's to say. */
  async function pull(gateway: string, image: ScriptedImage): Promise<string> {
    const body = JSON.stringify({ kind: 'pull', reference: image.reference });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${gateway}/api/v1/operations`, { method: 'POST', headers, body });
    if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { id: string }).id;
  }

  const completed = (id: string) =>
    eventually(
      `operation ${id} is done`,
      async () => {
        const answer = await fetch(`${first()}/api/v1/operations/${id}`);
        return ((await answer.json()) as { state: string }).state === 'completed';
      },
      UNTIL_ALL,
    );

  /** Everything is told, each once, in order; nothing is left over, and both give every image. */
  async function isWhole(): Promise<void> {
    await eventually(
      'both are ready',
      async () => (await ready(first())).status === 200 && (await ready(second())).status === 200,
      UNTIL_ALL,
    );
    for (const image of images)
      for (const gateway of services.gateways)
        await eventually(
          `${image.path} is read`,
          async () => (await reads(gateway, image)).join() === '200,200',
          UNTIL_ALL,
        );
    const operations = (await services.operations()).map(({ id }) => id).sort();
    const told = await eventually(
      'every end is told',
      async () => {
        const facts = await readFacts(services.natsUrl, 0);
        return facts.filter(({ type }) => ENDED.test(type)).length >= operations.length && facts;
      },
      UNTIL_ALL,
    );
    expect(checkOrder(told)).toEqual([]);
    expect(
      told
        .filter(({ type }) => ENDED.test(type))
        .map(({ data }) => data.operation)
        .sort(),
    ).toEqual(operations);
    for (const image of images) expect(upstream.count('GET', image.layerUrl)).toBeGreaterThanOrEqual(1);
    await eventually('nothing is left over', async () => (await services.fsck()).length === 0, UNTIL_ALL);
  }

  it('cut from Postgres: it is not ready and answers 503, never 404; the other one does what both had accepted', async () => {
    const before = [await pull(first(), newImage()), await pull(second(), newImage())];
    for (const id of before) await completed(id);
    const held = images[0]!;
    expect(await reads(second(), held)).toEqual([200, 200]);
    const accepted = await Promise.all(
      [first(), second(), first(), second()].map((gateway) => pull(gateway, newImage())),
    );
    await cut('postgres');
    accepted.push(await pull(first(), newImage()));
    const away = await eventually(
      'it says that it is not ready',
      async () => {
        const answer = await ready(second());
        return answer.status === 503 && answer;
      },
      UNTIL_AWAY,
    );
    expect(away.text).toMatch(/metadata/);
    expect(await reads(first(), held)).toEqual([200, 200]);
    expect((await fetch(`${second()}${held.path}/manifests/1`)).status).toBe(503);
    for (const id of accepted) await completed(id);
    await namespace.mend();
    await isWhole();
  }, 400_000);

  it('cut from NATS: both serve and take requests, and what either accepts is done and told', async () => {
    await cut('nats');
    const accepted = await Promise.all([first(), second(), second()].map((gateway) => pull(gateway, newImage())));
    for (const id of accepted) await completed(id);
    for (const gateway of services.gateways) expect(await reads(gateway, images[0]!)).toEqual([200, 200]);
    const said = await eventually(
      'it says that the bus is away',
      async () => {
        const answer = await ready(second());
        return !/"bus":"ok/.test(answer.text) && answer;
      },
      UNTIL_AWAY,
    );
    expect(said.status).toBe(200);
    const ends = async () =>
      new Set(
        (await readFacts(services.natsUrl, 0)).filter(({ type }) => ENDED.test(type)).map(({ data }) => data.operation),
      );
    // Whoever is cut off gives up its part of the outbox, and the other one tells what is in it.
    await eventually(
      'their ends are told meanwhile',
      async () => {
        const told = await ends();
        return accepted.every((id) => told.has(id));
      },
      UNTIL_ALL,
    );
    await namespace.mend();
    await isWhole();
    expect(services.log).not.toMatch(/unhandled|uncaught/i);
  }, 400_000);
});
