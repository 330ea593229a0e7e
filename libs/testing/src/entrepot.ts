import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { Image } from '#contracts/calls/images';
import type { Operation } from '#contracts/operation';
import { endChildren } from './end-children';
import { eventually } from './eventually';
import { HOUSE } from './house';
import { peer } from './peers';
import { type Finished, type ProgramExit, RunningProgram, runProgram } from './run-program';
import { steadyPort } from './steady-port';
import { removeFolder, tempFolder } from './temp-folder';

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

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** undefined where the body is not JSON. */
  readonly json: unknown;
}

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
export class Entrepot {
  private constructor(
    private readonly place: Place,
    private settings: Settings,
    private program: RunningProgram,
  ) {}

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

  get port(): number {
    return this.place.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** As one types it before a name for docker pull. */
  get host(): string {
    return `localhost:${this.port}`;
  }

  get natsUrl(): string {
    return `nats://127.0.0.1:${this.place.natsPort}`;
  }

  get data(): string {
    return this.settings.ENTREPOT_DATA ?? join(this.place.folder, 'data');
  }

  get pid(): number {
    return this.program.pid;
  }

  get log(): string {
    return this.program.log;
  }

  private get lastLines(): string {
    return this.log.split('\n').slice(-30).join('\n');
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

  /** Ends it, whatever is left of it, and removes its folder. */
  async destroy(): Promise<void> {
    if (!this.program.over) await this.program.stop('SIGTERM', 15_000);
    // Another one may be at work in a folder that is not ours.
    await endChildren(join(this.place.folder, 'data'));
    await removeFolder(this.place.folder);
  }

  /** One request; a string is sent as it is, anything else as JSON. */
  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: parsed(text) };
  }

  /** Asks for a pull and gives the operation's id. */
  async pull(reference: string, more: object = {}): Promise<string> {
    return this.accept({ kind: 'pull', reference, ...more });
  }

  async remove(reference: string, more: object = {}): Promise<string> {
    return this.accept({ kind: 'remove', reference, ...more });
  }

  /** Removes for good, confirms what goes where that is asked, and gives the operation's id. */
  async removeNow(reference: string, more: object = {}): Promise<string> {
    const body = { kind: 'remove', reference, now: true, ...more };
    const { status, json, text } = await this.ask('POST', '/api/v1/operations', body);
    const { about, id } = json as { about?: { confirm?: string }; id?: string };
    if (status < 300 && id !== undefined) return id;
    if (status !== 412 || !about?.confirm) throw new Error(`nothing to confirm: ${status} ${text}`);
    return this.accept({ ...body, confirm: about.confirm });
  }

  async operation(id: string): Promise<Operation> {
    const { status, json, text } = await this.ask('GET', `/api/v1/operations/${id}`);
    if (status !== 200) throw new Error(`operation ${id}: ${status} ${text}`);
    return json as Operation;
  }

  /** Waits until an operation has ended, and gives it. */
  ended(id: string, withinMs = 60_000): Promise<Operation> {
    return eventually(
      `the end of operation ${id}`,
      async () => {
        if (this.program.over) throw new Error(`the program has ended:\n${this.lastLines}`);
        const operation = await this.operation(id);
        return ['completed', 'failed', 'cancelled'].includes(operation.state) && operation;
      },
      { withinMs },
    );
  }

  /** Waits for a good end. */
  async completed(id: string, withinMs = 60_000): Promise<Operation> {
    const operation = await this.ended(id, withinMs);
    if (operation.state === 'completed') return operation;
    throw new Error(`${operation.state}: ${JSON.stringify(operation.error)}\n${this.lastLines}`);
  }

  async operations(): Promise<Operation[]> {
    return (await this.ask('GET', '/api/v1/operations?limit=1000')).json as Operation[];
  }

  async images(repository?: string): Promise<Image[]> {
    const query = repository === undefined ? '' : `&repository=${encodeURIComponent(repository)}`;
    const { status, json, text } = await this.ask('GET', `/api/v1/images?limit=1000${query}`);
    if (status !== 200) throw new Error(`images: ${status} ${text}`);
    return json as Image[];
  }

  /** The faults that `npm run admin -- fsck --deep` finds; none where all is well. */
  async fsck(): Promise<string[]> {
    const { code, stdout, stderr } = await this.admin('fsck', '--deep');
    if (code === 0) return [];
    const lines = stdout.split('\n').filter((line) => FAULT.test(line));
    return lines.length > 0 ? lines : [`fsck ended with ${code}: ${stdout}${stderr}`];
  }

  /** `npm run admin -- <args>` on this data folder. */
  admin(...args: string[]): Promise<Finished> {
    return runProgram(process.execPath, [ADMIN, ...args], { env: environment(this.place, this.settings) });
  }

  private async accept(body: object): Promise<string> {
    const { status, headers, json, text } = await this.ask('POST', '/api/v1/operations', body, {
      'idempotency-key': randomUUID(),
    });
    if (status !== 202) throw new Error(`not accepted: ${status} ${text}`);
    const { id } = json as Operation;
    if (headers.get('location') !== `/api/v1/operations/${id}`) throw new Error(`Location: ${headers.get('location')}`);
    return id;
  }
}

const FAULT = /^\s*(orphan|missing|size|extents|digest|lost|session|row): /;

function run(place: Place, settings: Settings): RunningProgram {
  return new RunningProgram(process.execPath, [PROGRAM], { env: environment(place, settings) });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
