import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunningNatsServer, startNatsServer } from '#children/nats-server';
import { type RunningPostgres, startPostgres } from '#children/postgres';
import type { Settings } from './entrepot';
import { eventually } from './eventually';
import { HOUSE } from './house';
import { peer } from './peers';
import { type Finished, type ProgramExit, RunningProgram, runProgram } from './run-program';
import { steadyPort } from './steady-port';
import { removeFolder, tempFolder } from './temp-folder';
import { Warehouse } from './warehouse';

const DIST = join(HOUSE, 'dist', 'apps');

export const SERVICES = ['metadata', 'blobs', 'fetcher', 'gc', 'gateway'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** A second process of a service that may have several; of blobs only where the store is S3. */
export const TWINS = ['second metadata', 'second blobs', 'second fetcher', 'second gc', 'second gateway'] as const;
export type ProcessName = ServiceName | (typeof TWINS)[number];

/** What they stand on and may lose. */
export type ServerName = 'postgres' | 'nats';

interface Place {
  readonly folder: string;
  readonly servers: ServerFolders;
  /** Of each gateway. */
  readonly urls: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** What the second processes have otherwise. */
  readonly twinEnv: NodeJS.ProcessEnv;
  readonly own: OwnSettings;
  readonly prefix: (name: ProcessName) => readonly string[];
}

/** Where the servers keep what they have; each else in the folder of all. */
type ServerFolders = Readonly<Partial<Record<ServerName, string>>>;

/** Settings of one process alone. */
export type OwnSettings = Readonly<Partial<Record<ProcessName, Settings>>>;

export interface Addresses {
  readonly postgres: URL;
  readonly nats: URL;
  readonly blobs: URL;
  readonly secondGateway: URL;
}

interface Options {
  /** All that may be there twice is: the second gateway asks the second of each. */
  readonly twins?: boolean;
  readonly servers?: ServerFolders;
  /** Told where they are to be. */
  readonly own?: (addresses: Addresses) => Promise<OwnSettings>;
  /** What stands before the command of a process: to run it elsewhere. */
  readonly prefix?: (name: ProcessName) => readonly string[];
}

/** The five services as five processes, or more, on one Postgres, one nats-server and one folder. */
export class FiveServices extends Warehouse {
  private readonly programs = new Map<ProcessName, RunningProgram>();
  private asked = 0;
  /** What all of them have otherwise from their next start on. */
  private changed: Settings = {};

  private constructor(
    private readonly place: Place,
    private postgres: RunningPostgres,
    private nats: RunningNatsServer,
  ) {
    super();
  }

  /** The store is a folder, or the bucket that `settings` name. */
  static async start(settings: Settings = {}, { twins = false, ...on }: Options = {}): Promise<FiveServices> {
    const services = await FiveServices.onServers(settings, on);
    for (const name of twins ? [...SERVICES, ...twinsOf(settings)] : SERVICES) services.run(name);
    await services.ready().catch(async (error) => {
      await services.stop();
      throw error;
    });
    return services;
  }

  /** What they stand on, and none of them yet. */
  static async onServers(
    settings: Settings = {},
    { servers = {}, own, prefix = () => [] }: Omit<Options, 'twins'> = {},
  ): Promise<FiveServices> {
    const folder = await tempFolder('services');
    await chmod(folder, 0o711);
    const postgres = await postgresOf(folder, servers, await steadyPort());
    const nats = await natsOf(folder, servers, await steadyPort());
    const addresses = await placeOf({ folder, servers }, postgres.url, nats.url, settings);
    const place = { ...addresses, prefix, own: (await own?.(shown(addresses))) ?? {} };
    return new FiveServices(place, postgres, nats);
  }

  override get url(): string {
    return this.place.urls[0]!;
  }

  get folder(): string {
    return this.place.folder;
  }

  /** As each of the first processes has it. */
  get environment(): NodeJS.ProcessEnv {
    return this.place.env;
  }

  /** Whether a process that was started has ended. */
  isOver(name: ProcessName): boolean {
    return this.programs.get(name)?.over ?? true;
  }

  logOf(name: ProcessName): string {
    return this.programs.get(name)?.log ?? '';
  }

  stderrOf(name: ProcessName): string {
    return this.programs.get(name)?.stderr ?? '';
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

  /** Where a process answers by itself: health, figures and, but for the gateway, calls. */
  addressOf(name: ServiceName): string {
    return name === 'gateway' ? this.url : this.place.env[`ENTREPOT_${name.toUpperCase()}_URL`]!;
  }

  override nextUrl(): string {
    this.asked += 1;
    return this.gateways[this.asked % this.gateways.length]!;
  }

  /** The addresses of those that run. */
  get gateways(): readonly string[] {
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
    const { env: first, twinEnv, own, prefix } = this.place;
    const env = { ...first, ...this.changed, ...(app === name ? {} : twinEnv), ...own[name] };
    const [command, ...args] = [...prefix(name), process.execPath, join(DIST, app, 'src', 'main.js')];
    const program = new RunningProgram(command!, args, { env });
    this.programs.set(name, program);
  }

  /** Each has these settings besides, when it is run again. */
  change(settings: Settings): void {
    this.changed = settings;
  }

  exitOf(name: ProcessName): Promise<ProgramExit> {
    return this.programs.get(name)!.exited;
  }

  /** As whoever runs them ends them; what they stand on goes on. */
  endAll(): Promise<ProgramExit[]> {
    return Promise.all([...this.programs.values()].map((program) => program.stop('SIGTERM')));
  }

  /** To stop it for a while, to have it go on, or to end it; of what was ended nobody waits here. */
  signal(name: ProcessName, signal: NodeJS.Signals): void {
    this.programs.get(name)!.signal(signal);
  }

  /** Asks it to end, and gives its exit code. */
  async end(name: ProcessName): Promise<number | null> {
    return (await this.programs.get(name)!.stop('SIGTERM')).code;
  }

  async kill9(name: ProcessName): Promise<void> {
    await this.programs.get(name)!.stop('SIGKILL');
  }

  /** What runs, by name. */
  get running(): readonly ProcessName[] {
    return [...this.programs.keys()];
  }

  /** SIGKILL to a server, whose folder and port stay its own. */
  async killServer(name: ServerName): Promise<void> {
    await this[name].kill();
  }

  /** Settles when a server has ended, for whatever reason. */
  async untilServerEnds(name: ServerName): Promise<void> {
    await this[name].exited;
  }

  async startServer(name: ServerName): Promise<void> {
    const { folder, servers } = this.place;
    if (name === 'postgres') this.postgres = await postgresOf(folder, servers, this.postgres.port);
    else this.nats = await natsOf(folder, servers, this.nats.port);
  }

  /** Of every process, by name. */
  get pids(): ReadonlyMap<ProcessName | ServerName, number> {
    const services = [...this.programs].map(([name, { pid }]) => [name, pid] as const);
    return new Map<ProcessName | ServerName, number>([
      ...services,
      ['postgres', this.postgres.pid],
      ['nats', this.nats.pid],
    ]);
  }

  /** With every right, for what a test does behind the services' back. */
  get databaseUrl(): string {
    return this.postgres.url;
  }

  /** As the services reach it. */
  get serviceNatsUrl(): string {
    return this.nats.url;
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
    const exits = await this.endAll();
    await Promise.all([this.nats.stop(), this.postgres.stop()]);
    await removeFolder(this.place.folder);
    return exits.map(({ code }) => code);
  }
}

const postgresOf = (folder: string, { postgres = join(folder, 'postgres') }: ServerFolders, port: number) =>
  startPostgres({ folder: postgres, port });

const natsOf = (folder: string, { nats = join(folder, 'nats') }: ServerFolders, port: number) =>
  startNatsServer({ folder: nats, port, binary: peer('nats-server') });

/** A folder has one blobs process. */
const twinsOf = (settings: Settings) =>
  TWINS.filter((name) => name !== 'second blobs' || settings.ENTREPOT_STORE === 'minio');

async function placeOf(
  { folder, servers }: Pick<Place, 'folder' | 'servers'>,
  database: string,
  nats: string,
  settings: Settings,
): Promise<Omit<Place, 'own' | 'prefix'>> {
  // Each is started again on its port, whatever others open meanwhile.
  const url = async () => `http://127.0.0.1:${await steadyPort()}`;
  const [first, second] = [await steadyPort(), await steadyPort()];
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    DATABASE_URL: database,
    NATS_URL: nats,
    ENTREPOT_NATS_ISSUER_FILE: join(servers.nats ?? join(folder, 'nats'), 'issuer'),
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
    ENTREPOT_FETCHER_URL: await url(),
    ENTREPOT_GC_URL: await url(),
    ...(settings.ENTREPOT_STORE === 'minio' ? { ENTREPOT_BLOBS_URL: await url() } : {}),
  };
  return { folder, servers, urls: [first, second].map((port) => `http://127.0.0.1:${port}`), env, twinEnv };
}

const shown = ({ env, urls }: Pick<Place, 'env' | 'urls'>): Addresses => ({
  postgres: new URL(env.DATABASE_URL!),
  nats: new URL(env.NATS_URL!),
  blobs: new URL(env.ENTREPOT_BLOBS_URL!),
  secondGateway: new URL(urls[1]!),
});
