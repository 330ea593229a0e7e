import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { endChildren } from './end-children';
import { eventually } from './eventually';
import { HOUSE } from './house';
import { peer } from './peers';
import { type Finished, type ProgramExit, RunningProgram, runProgram } from './run-program';
import { steadyPort } from './steady-port';
import { removeFolder, tempFolder } from './temp-folder';
import { Warehouse } from './warehouse';

const PROGRAM = join(HOUSE, 'dist', 'apps', 'standalone', 'src', 'main.js');
const ADMIN = join(HOUSE, 'dist', 'apps', 'standalone', 'src', 'admin.js');

export type Settings = Readonly<Record<string, string>>;

/** What makes a removed image's bytes go within a second or two, and lost leases come back as soon. */
export const SHORT_TIMES: Settings = {
  ENTREPOT_PIN_MS: '500',
  ENTREPOT_PIN_WRITE_MS: '0',
  ENTREPOT_REVIEW_DELAY_MS: '200',
  ENTREPOT_GRACE_MS: '300',
  ENTREPOT_READ_LEASE_AFTER_MS: '200',
  ENTREPOT_UNDO_MS: '200',
  ENTREPOT_KEEP_PULLED_MS: '500',
  ENTREPOT_GC_SWEEP_MS: '300',
  ENTREPOT_JOURNAL_MS: '300',
  ENTREPOT_PURGE_CLAIM_MS: '2000',
  ENTREPOT_LEASE_MS: '3000',
  ENTREPOT_FETCH_RENEW_MS: '500',
  ENTREPOT_COMPOSE_RENEW_MS: '500',
  ENTREPOT_FETCH_SWEEP_MS: '500',
  ENTREPOT_BACKOFF_MS: '100',
  ENTREPOT_BACKOFF_LONGEST_MS: '1000',
};

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly natsPort: number;
}

function environment({ folder, port, natsPort }: Place, settings: Settings): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG } = process.env;
  // A nats-server that is found is not fetched for each folder.
  const path = [dirname(peer('nats-server')), PATH].join(delimiter);
  return {
    PATH: path,
    HOME,
    LANG,
    ENTREPOT_DATA: join(folder, 'data'),
    ENTREPOT_PORT: String(port),
    ENTREPOT_NATS_PORT: String(natsPort),
    ...settings,
  };
}

/** The real program, as `npm start` runs it, on a data folder of its own. */
export class Entrepot extends Warehouse {
  private constructor(
    private readonly place: Place,
    private settings: Settings,
    private program: RunningProgram,
  ) {
    super();
  }

  /** Starts it and waits until it is ready. */
  static async start(settings: Settings = {}): Promise<Entrepot> {
    const entrepot = await Entrepot.launch(settings);
    await entrepot.ready().catch(async (error) => {
      await entrepot.destroy();
      throw error;
    });
    return entrepot;
  }

  /** Starts it and does not wait: for starts that are to fail. */
  static async launch(settings: Settings = {}): Promise<Entrepot> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: npm run build`);
    const folder = await tempFolder('data');
    // Postgres runs as another user when we are root, and must get through.
    await chmod(folder, 0o711);
    const place = { folder, port: await steadyPort(), natsPort: await steadyPort() };
    return new Entrepot(place, settings, run(place, settings));
  }

  override get url(): string {
    return `http://127.0.0.1:${this.place.port}`;
  }

  override get natsUrl(): string {
    return `nats://127.0.0.1:${this.place.natsPort}`;
  }

  get data(): string {
    return this.settings.ENTREPOT_DATA ?? join(this.place.folder, 'data');
  }

  get pid(): number {
    return this.program.pid;
  }

  override get objects(): string {
    return join(this.data, 'blobs', 'objects');
  }

  get stderr(): string {
    return this.program.stderr;
  }

  override get log(): string {
    return this.program.log;
  }

  protected override mustRun(): void {
    if (this.program.over) throw new Error(`the program has ended:\n${this.lastLines()}`);
  }

  get exited(): Promise<ProgramExit> {
    return this.program.exited;
  }

  async ready(withinMs = 60_000): Promise<void> {
    const isReady = async () => {
      if (this.program.over) return true;
      return (await fetch(`${this.url}/readyz`)).ok;
    };
    await eventually(`ready; it said:\n${this.log}`, isReady, { withinMs });
    if (this.program.over) throw new Error(`it ended while it started:\n${this.log}`);
  }

  /** SIGKILL to the program alone: its children go on. */
  async kill9(): Promise<void> {
    await this.program.stop('SIGKILL');
  }

  /** As Ctrl-C or a service manager ends it. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<ProgramExit> {
    return this.program.stop(signal, 30_000);
  }

  /** Starts it again on the same folder and ports; these settings stay from now on. */
  async start(settings: Settings = this.settings): Promise<void> {
    this.relaunch(settings);
    await this.ready();
  }

  /** As `start`, without waiting. */
  relaunch(settings: Settings = this.settings): void {
    this.settings = settings;
    this.program = run(this.place, settings);
  }

  override async destroy(): Promise<void> {
    if (!this.program.over) await this.program.stop('SIGTERM', 15_000);
    // Another one may be at work in a folder that is not ours.
    await endChildren(join(this.place.folder, 'data'));
    await removeFolder(this.place.folder);
  }

  /** `npm run admin -- <args>` on this data folder. */
  override admin(...args: string[]): Promise<Finished> {
    return runProgram(process.execPath, [ADMIN, ...args], { env: environment(this.place, this.settings) });
  }
}

function run(place: Place, settings: Settings): RunningProgram {
  return new RunningProgram(process.execPath, [PROGRAM], { env: environment(place, settings) });
}
