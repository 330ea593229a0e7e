import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAccountSeed } from '#children/account-key';
import { type RunningNatsServer, startNatsServer } from '#children/nats-server';
import { eventually } from '#testing/eventually';
import { steadyPort } from '#testing/steady-port';
import type { Bus } from './bus';

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly routePort: number;
}

/** Three nats-servers that keep streams together, each with a folder of its own. */
export class TestCluster {
  private readonly servers = new Map<number, RunningNatsServer>();

  private constructor(
    private readonly folder: string,
    private readonly places: readonly Place[],
  ) {}

  static async start(): Promise<TestCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'entrepot-cluster-'));
    const [password, issuer] = [randomBytes(24).toString('base64url'), makeAccountSeed()];
    const places: Place[] = [];
    for (const name of ['a', 'b', 'c']) {
      const own = join(folder, name);
      await mkdir(own);
      await writeFile(join(own, 'password'), password);
      await writeFile(join(own, 'issuer'), issuer);
      places.push({ folder: own, port: await steadyPort(), routePort: await steadyPort() });
    }
    const cluster = new TestCluster(folder, places);
    await Promise.all(places.map((place) => cluster.run(place)));
    return cluster;
  }

  /** All of them, with the rights of the services. */
  get url(): string {
    return [...this.servers.values()].map(({ url }) => url).join(',');
  }

  /** SIGKILL to the one that leads this stream, once there is one. Answers which it was. */
  async killLeader(bus: Bus, stream: string): Promise<number> {
    const port = await eventually(`${stream} has a leader that runs`, () => this.leaderOf(bus, stream));
    await this.servers.get(port)!.kill();
    return port;
  }

  private async leaderOf(bus: Bus, stream: string): Promise<number | null> {
    const { cluster } = await (await bus.manager()).streams.info(stream);
    const port = Number(cluster?.leader?.split('-').at(-1));
    return this.servers.has(port) ? port : null;
  }

  /** Starts a killed one on its port and store. */
  async restart(port: number): Promise<void> {
    await this.run(this.places.find((place) => place.port === port)!);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.servers.values()].map((server) => server.kill()));
    await rm(this.folder, { recursive: true, force: true });
  }

  private async run({ folder, port, routePort }: Place): Promise<void> {
    const routes = this.places.map((place) => `nats://127.0.0.1:${place.routePort}`);
    const cluster = { name: 'entrepot', port: routePort, routes };
    this.servers.set(port, await startNatsServer({ folder, port, cluster }));
  }
}
