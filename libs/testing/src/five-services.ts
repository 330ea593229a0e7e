import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '#children/free-port';
import { type RunningNatsServer, startNatsServer } from '#children/nats-server';
import { type RunningPostgres, startPostgres } from '#children/postgres';
import type { Settings } from './entrepot';
import { eventually } from './eventually';
import { HOUSE } from './house';
import { peer } from './peers';
import { type Finished, RunningProgram, runProgram } from './run-program';
import { removeFolder, tempFolder } from './temp-folder';
import { Warehouse } from './warehouse';

const DIST = join(HOUSE, 'dist', 'apps');

export const SERVICES = ['metadata', 'blobs', 'fetcher', 'gc', 'gateway'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** A second process of a service that may have several. */
export const TWINS = ['second metadata', 'second gc', 'second gateway'] as const;
export type ProcessName = ServiceName | (typeof TWINS)[number];

interface Place {
  readonly folder: string;
  /** Of each gateway. */
  readonly urls: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** What the second processes have otherwise. */
  readonly twinEnv: NodeJS.ProcessEnv;
}

/** The five services as five processes, or more, on one Postgres, one nats-server and one folder. */
export class FiveServices extends Warehouse {
  private readonly programs = new Map<ProcessName, RunningProgram>();
  private asked = 0;

  private constructor(
    private readonly place: Place,
    private readonly postgres: RunningPostgres,
    private readonly nats: RunningNatsServer,
  ) {
    super();
  }

  /** With `twins`, a second gateway, a second metadata and a second gc: the twins ask each other. */
  static async start(settings: Settings = {}, { twins = false } = {}): Promise<FiveServices> {
    const folder = await tempFolder('services');
    await chmod(folder, 0o711);
    const postgres = await startPostgres({ folder: join(folder, 'postgres') });
    const nats = await startNatsServer({ folder: join(folder, 'nats'), port: 0, binary: peer('nats-server') });
    const place = await placeOf(folder, postgres.url, nats.url, settings);
    const services = new FiveServices(place, postgres, nats);
    for (const name of twins ? [...SERVICES, ...TWINS] : SERVICES) services.run(name);
    await services.ready().catch(async (error) => {
      await services.stop();
      throw error;
    });
    return services;
  }

  override get url(): string {
    return this.place.urls[0]!;
  }

  override get natsUrl(): string {
    return this.nats.anonymousUrl;
  }

  override get objects(): string {
    return join(this.place.folder, 'blobs', 'objects');
  }

  override get log(): string {
    return [...this.programs].map(([name, program]) => `${name}:\n${program.log}`).join('\n');
  }

  override nextUrl(): string {
    this.asked += 1;
    return this.gateways[this.asked % this.gateways.length]!;
  }

  /** The addresses of those that run. */
  private get gateways(): readonly string[] {
    return this.programs.has('second gateway') ? this.place.urls : [this.url];
  }

  protected override mustRun(): void {
    const ended = this.endedProcess();
    if (ended) throw new Error(`${ended} has ended:\n${this.lastLines()}`);
  }

  private endedProcess(): ProcessName | undefined {
    return [...this.programs].find(([, program]) => program.over)?.[0];
  }

  run(name: ProcessName): void {
    const app = name.replace('second ', '');
    const env = app === name ? this.place.env : { ...this.place.env, ...this.place.twinEnv };
    const program = new RunningProgram(process.execPath, [join(DIST, app, 'src', 'main.js')], { env });
    this.programs.set(name, program);
  }

  async kill9(name: ProcessName): Promise<void> {
    await this.programs.get(name)!.stop('SIGKILL');
  }

  async ready(): Promise<void> {
    const isReady = async () => {
      const ended = this.endedProcess();
      if (ended) return ended;
      const answers = await Promise.all(this.gateways.map((url) => fetch(`${url}/readyz`)));
      return answers.every(({ ok }) => ok);
    };
    const answer = await eventually('five services are ready', isReady, { withinMs: 60_000 });
    if (answer !== true) throw new Error(`${answer} ended:\n${this.log}`);
  }

  override admin(...args: string[]): Promise<Finished> {
    return runProgram(process.execPath, [join(DIST, 'standalone', 'src', 'admin.js'), ...args], {
      env: this.place.env,
    });
  }

  override async destroy(): Promise<void> {
    await this.stop();
  }

  /** Gives the exit codes of the services. */
  async stop(): Promise<(number | null)[]> {
    const exits = await Promise.all([...this.programs.values()].map((program) => program.stop('SIGTERM')));
    await Promise.all([this.nats.stop(), this.postgres.stop()]);
    await removeFolder(this.place.folder);
    return exits.map(({ code }) => code);
  }
}

async function placeOf(folder: string, database: string, nats: string, settings: Settings): Promise<Place> {
  const url = async () => `http://127.0.0.1:${await freePort()}`;
  const [first, second] = [await freePort(), await freePort()];
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    DATABASE_URL: database,
    NATS_URL: nats,
    ENTREPOT_SECRET: randomBytes(32).toString('base64'),
    ENTREPOT_PORT: String(first),
    ENTREPOT_HOSTS: [first, second].flatMap((port) => [`localhost:${port}`, `127.0.0.1:${port}`]).join(),
    ENTREPOT_STORE_FOLDER: join(folder, 'blobs'),
    ENTREPOT_METADATA_URL: await url(),
    ENTREPOT_BLOBS_URL: await url(),
    ENTREPOT_FETCHER_URL: await url(),
    ENTREPOT_GC_URL: await url(),
    ...settings,
  };
  const twinEnv = {
    ENTREPOT_PORT: String(second),
    ENTREPOT_METADATA_URL: await url(),
    ENTREPOT_GC_URL: await url(),
  };
  return { folder, urls: [first, second].map((port) => `http://127.0.0.1:${port}`), env, twinEnv };
}
