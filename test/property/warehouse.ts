import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunningNatsServer, startNatsServer } from '#children/nats-server';
import { type RunningPostgres, startPostgres } from '#children/postgres';
import { type Settings, SHORT_TIMES } from '#testing/entrepot';
import { peer } from '#testing/peers';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import { steadyPort } from '#testing/steady-port';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { Clock } from './clock';
import { Replica } from './replica';
import { DAY, TIMES } from './times';

const LONGEST = 3_650 * DAY;

/** What is fast is real time; what is slow is the moved clock's. */
const SETTINGS: Settings = {
  ...SHORT_TIMES,
  ENTREPOT_REVIEW_DELAY_MS: String(TIMES.review),
  ENTREPOT_GRACE_MS: String(TIMES.grace),
  ENTREPOT_UNDO_MS: String(TIMES.undo),
  ENTREPOT_PIN_MS: String(TIMES.pin),
  ENTREPOT_KEEP_PULLED_MS: String(TIMES.pull),
  ENTREPOT_QUIET_MS: String(TIMES.quiet),
  ENTREPOT_PLAN_MS: String(TIMES.plan),
  ENTREPOT_OPERATION_KEEP_MS: String(LONGEST),
  ENTREPOT_TAG_TTL_MS: String(LONGEST),
  // Who died is away for as long as a start takes on a busy machine.
  ENTREPOT_ATTEMPTS: '100',
  ENTREPOT_BACKOFF_LONGEST_MS: '500',
  ENTREPOT_LEASE_MS: '2000',
  ENTREPOT_FETCH_RENEW_MS: '400',
  ENTREPOT_FETCH_SWEEP_MS: '200',
  ENTREPOT_GC_SWEEP_MS: '150',
  ENTREPOT_PULL_COUNT_MS: '50',
  ENTREPOT_HOST_PLATFORM: 'linux/amd64',
};

/** Of each replica of gc, gateway and metadata: which one it speaks to is in its own environment. */
const SIDES = ['a', 'b'] as const;
export type Side = (typeof SIDES)[number];

/** Two gateways, two of metadata and two of gc, each with one of the others; one fetcher, one blobs on a folder. */
export class Warehouse {
  /** How often somebody was started again. */
  revived = 0;
  private reviving: Promise<string[]> | undefined;

  private constructor(
    readonly folder: string,
    readonly upstream: ScriptedUpstream,
    readonly clock: Clock,
    readonly replicas: ReadonlyMap<string, Replica>,
    private readonly ports: Readonly<Record<Side, number>>,
    private readonly postgres: RunningPostgres,
    private readonly nats: RunningNatsServer,
  ) {}

  static async start(): Promise<Warehouse> {
    const folder = await tempFolder('property');
    // Postgres runs as another user when we are root, and must get through.
    await chmod(folder, 0o711);
    const postgres = await startPostgres({ folder: join(folder, 'postgres') });
    const nats = await startNatsServer({ folder: join(folder, 'nats'), port: 0, binary: peer('nats-server') });
    const clock = await Clock.install(postgres.url);
    const ports = { a: await steadyPort(), b: await steadyPort() };
    const base = { DATABASE_URL: postgres.url, NATS_URL: nats.url, ENTREPOT_STORE_FOLDER: join(folder, 'blobs') };
    const replicas = await makeReplicas(folder, ports, base);
    const upstream = await ScriptedUpstream.start();
    const warehouse = new Warehouse(folder, upstream, clock, replicas, ports, postgres, nats);
    await warehouse.heal().catch(async (error) => {
      await warehouse.stop();
      throw error;
    });
    return warehouse;
  }

  url(side: Side): string {
    return `http://127.0.0.1:${this.ports[side]}`;
  }

  /** As one types it before a name of our own. */
  get host(): string {
    return `localhost:${this.ports.a}`;
  }

  get natsUrl(): string {
    return this.nats.anonymousUrl;
  }

  get objects(): string {
    return join(this.folder, 'blobs', 'objects');
  }

  get lastLines(): string {
    return [...this.replicas.values()].map((replica) => replica.lastLines).join('\n');
  }

  replica(name: string): Replica {
    const found = this.replicas.get(name);
    if (!found) throw new Error(`there is no ${name}`);
    return found;
  }

  /** Nothing dies any more, and what is dead is started again. Answers what was dead. */
  async heal(): Promise<string[]> {
    const all = [...this.replicas.values()];
    await Promise.all(all.map((replica) => replica.isOver || replica.arm(null)));
    return this.revive();
  }

  /** What is dead is started again, and is ready. Answers what was dead. Who asks meanwhile waits for the same. */
  revive(): Promise<string[]> {
    this.reviving ??= this.startDead().finally(() => {
      this.reviving = undefined;
    });
    return this.reviving;
  }

  /** Whether somebody was dead: who was killed a moment ago is not known to be over yet. */
  async reviveLate(): Promise<boolean> {
    for (let tries = 0; tries < 40; tries += 1) {
      if ((await this.revive()).length > 0) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  }

  /** Gives the exit codes of the services. */
  async stop(): Promise<(number | null)[]> {
    const codes = await Promise.all([...this.replicas.values()].map((replica) => replica.stop()));
    await this.clock.close();
    await Promise.all([this.nats.stop(), this.postgres.stop(), this.upstream.stop()]);
    await removeFolder(this.folder);
    return codes;
  }

  private async startDead(): Promise<string[]> {
    const dead = [...this.replicas.values()].filter((replica) => replica.isOver);
    await Promise.all(dead.map((replica) => replica.start()));
    this.revived += dead.length;
    return dead.map(({ name }) => name);
  }
}

async function makeReplicas(
  folder: string,
  ports: Readonly<Record<Side, number>>,
  base: NodeJS.ProcessEnv,
): Promise<Map<string, Replica>> {
  const { PATH, HOME } = process.env;
  const url = async () => `http://127.0.0.1:${await steadyPort()}`;
  const shared = { PATH, HOME, ...base, ENTREPOT_SECRET: randomBytes(32).toString('base64'), ...SETTINGS };
  const [blobs, fetcher] = [await url(), await url()];
  const replicas = new Map<string, Replica>();
  for (const side of SIDES) {
    const own = { ENTREPOT_METADATA_URL: await url(), ENTREPOT_GC_URL: await url() };
    // What is ours is the same for all: the names that people type are those of one gateway.
    const hosts = { ENTREPOT_PORT: String(ports.a), ENTREPOT_HOSTS: `localhost:${ports.b}` };
    const env = { ...shared, ...own, ...hosts, ENTREPOT_BLOBS_URL: blobs, ENTREPOT_FETCHER_URL: fetcher };
    const add = (app: string, name: string, more: NodeJS.ProcessEnv = {}) =>
      replicas.set(name, new Replica(name, app, folder, { ...env, ...more }));
    add('metadata', `metadata-${side}`);
    add('gc', `gc-${side}`);
    add('gateway', `gateway-${side}`, {
      ENTREPOT_PORT: String(ports[side]),
      ENTREPOT_HOSTS: `localhost:${ports.a},localhost:${ports.b}`,
    });
    if (side === 'a') add('fetcher', 'fetcher');
    else add('blobs', 'blobs');
  }
  return replicas;
}
