import type { Operation } from '#contracts/operation';
import { DockerRegistry } from '#testing/docker-registry';
import { eventually } from '#testing/eventually';
import { FiveServices, SERVICES } from '#testing/five-services';
import { pullBySkopeo } from '#testing/image-pull';
import { NatsWire } from '#testing/nats-wire';
import { describeWithPeers } from '#testing/peers';

const STORE_IS_HELD = expect.stringMatching(/^Another blobs process .*\n$/);

describeWithPeers('the five services as five processes', ['docker-registry', 'skopeo'], () => {
  let upstream: DockerRegistry;
  let services: FiveServices;
  let digest: string;
  const leases = {
    ENTREPOT_LEASE_MS: '2000',
    ENTREPOT_FETCH_RENEW_MS: '500',
    ENTREPOT_COMPOSE_RENEW_MS: '500',
    ENTREPOT_FETCH_SWEEP_MS: '500',
  };

  beforeAll(async () => {
    [upstream, services] = await Promise.all([DockerRegistry.start(), FiveServices.start(leases)]);
    digest = await upstream.push('library/quick:1');
  }, 120_000);

  afterAll(async () => {
    await Promise.all([services?.stop(), upstream?.stop()]);
  }, 60_000);

  const operations = async () => (await (await fetch(`${services.url}/api/v1/operations`)).json()) as Operation[];

  /** Pulls by a message, and then as a client. */
  async function pulls(name: string): Promise<void> {
    await upstream.push('library/quick:1', name);
    const reference = `${upstream.host}/${name}`;
    const wire = await NatsWire.connect(services.natsUrl);
    await wire.publish('entrepot.request.pull', JSON.stringify({ reference }));
    wire.close();
    const isDone = async () =>
      (await operations()).some(({ body, state }) => body.reference === reference && state === 'completed');
    await eventually(`${reference} is pulled`, isDone, { withinMs: 30_000 });
    const ours = await pullBySkopeo(`localhost:${services.port}/${upstream.host.replace(':', '_')}/${name}`);
    expect(ours.digest).toBe(digest);
  }

  it('pull by a message and serve what they hold', () => pulls('library/quick:1'));

  it('let dead letters be read and thrown away, and the store be checked, in their own environment', async () => {
    const wire = await NatsWire.connect(services.natsUrl);
    await wire.publish('entrepot.request.pull', 'no JSON');
    wire.close();
    const [id] = await eventually('a dead letter', async () => {
      const { code, stdout } = await services.admin('dead-letters');
      return code === 0 && /^(\d+) {2}.*JSON/m.exec(stdout)?.slice(1);
    });
    expect(await services.admin('dead-letters', 'show', id!)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/no JSON$/m),
    });
    expect(await services.admin('dead-letters', 'drop', id!)).toMatchObject({ code: 0, stdout: `dropped ${id}\n` });
    expect(await services.admin('fsck', '--deep')).toMatchObject({ code: 0, stdout: expect.stringMatching(/clean$/m) });
  }, 60_000);

  it('that are away are said to be away, in one line', async () => {
    await services.kill9('metadata');
    const { code, stderr } = await services.admin('dead-letters');
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'the metadata service does not answer at the moment\n' });
    expect(await services.admin('fsck', '--deep')).toMatchObject({ code: 1, stderr: STORE_IS_HELD });
    for (const name of SERVICES) if (name !== 'metadata') await services.kill9(name);
    expect(await services.admin('fsck', '--deep')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^clean$/m),
    });
    for (const name of SERVICES) services.run(name);
    await services.ready();
  }, 90_000);

  it.each(SERVICES)(
    'go on after a kill -9 of %s, as soon as there is another one',
    async (name) => {
      await services.kill9(name);
      services.run(name);
      await services.ready();
      await pulls(`library/after-${name}:1`);
    },
    90_000,
  );

  it('end with 0 when they are asked to', async () => {
    expect(await services.stop()).toEqual(SERVICES.map(() => 0));
  }, 120_000);
});
