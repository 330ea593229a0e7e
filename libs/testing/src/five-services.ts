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

const DIST = join(HOUSE, 'dist', 'apps');

export const SERVICES = ['metadata', 'blobs', 'fetcher', 'gc', 'gateway'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** The five services as five processes, on one Postgres, one nats-server and one folder. */
export class FiveServices {
  private readonly programs = new Map<ServiceName, RunningProgram>();

  private constructor(
    readonly folder: string,
    readonly port: number,
    private readonly env: NodeJS.ProcessEnv,
    private readonly postgres: RunningPostgres,
    private readonly nats: RunningNatsServer,
  ) {}

  static async start(settings: Settings = {}): Promise<FiveServices> {
    const folder = await tempFolder('services');
    await chmod(folder, 0o711);
    const postgres = await startPostgres({ folder: join(folder, 'postgres') });
    const nats = await startNatsServer({ folder: join(folder, 'nats'), port: 0, binary: peer('nats-server') });
    const port = await freePort();
    const env = { ...(await environment(folder, port, postgres.url, nats.url)), ...settings };
    const services = new FiveServices(folder, port, env, postgres, nats);
    for (const name of SERVICES) services.run(name);
    await services.ready().catch(async (error) => {
      await services.stop();
      throw error;
    });
    return services;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get natsUrl(): string {
    return this.nats.anonymousUrl;
  }

  get log(): string {
    return [...this.programs].map(([name, program]) => `${name}:\n${program.log}`).join('\n');
  }

  run(name: ServiceName): void {
    const program = join(DIST, name, 'src', 'main.js');
    this.programs.set(name, new RunningProgram(process.execPath, [program], { env: this.env }));
  }

  async kill9(name: ServiceName): Promise<void> {
    await this.programs.get(name)!.stop('SIGKILL');
  }

  async ready(): Promise<void> {
    const isReady = async () => {
      const ended = [...this.programs].find(([, program]) => program.over);
      if (ended) return ended[0];
      return (await fetch(`${this.url}/readyz`)).ok;
    };
    const answer = await eventually('five services are ready', isReady, { withinMs: 60_000 });
    if (answer !== true) throw new Error(`${answer} ended:\n${this.log}`);
  }

  /** `npm run admin -- <args>` in the environment of the services. */
  admin(...args: string[]): Promise<Finished> {
    return runProgram(process.execPath, [join(DIST, 'standalone', 'src', 'admin.js'), ...args], { env: this.env });
  }

  /** Gives the exit codes of the services. */
  async stop(): Promise<(number | null)[]> {
    const exits = await Promise.all([...this.programs.values()].map((program) => program.stop('SIGTERM')));
    await Promise.all([this.nats.stop(), this.postgres.stop()]);
    await removeFolder(this.folder);
    return exits.map(({ code }) => code);
  }
}

async function environment(
  folder: string,
  port: number,
  databaseUrl: string,
  natsUrl: string,
): Promise<NodeJS.ProcessEnv> {
  const url = async () => `http://127.0.0.1:${await freePort()}`;
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    DATABASE_URL: databaseUrl,
    NATS_URL: natsUrl,
    ENTREPOT_SECRET: randomBytes(32).toString('base64'),
    ENTREPOT_PORT: String(port),
    ENTREPOT_STORE_FOLDER: join(folder, 'blobs'),
    ENTREPOT_METADATA_URL: await url(),
    ENTREPOT_BLOBS_URL: await url(),
    ENTREPOT_FETCHER_URL: await url(),
    ENTREPOT_GC_URL: await url(),
  };
}
