import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HOUSE } from '#testing/house';
import { RunningProgram } from '#testing/run-program';

const DIST = join(HOUSE, 'dist', 'apps');

/** One process of a service, with failpoints of its own, which is killed and started again. */
export class Replica {
  private program: RunningProgram | undefined;
  private log = '';

  constructor(
    readonly name: string,
    private readonly app: string,
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  get isOver(): boolean {
    return this.program?.over ?? true;
  }

  get lastLines(): string {
    const lines = (this.log + (this.program?.log ?? '')).split('\n');
    return `${this.name}:\n${lines.slice(-12).join('\n')}`;
  }

  /** Starts it and waits until it says that it is ready: what probes answer is a second old. */
  async start(): Promise<void> {
    await this.arm(null);
    this.log = (this.log + (this.program?.log ?? '')).slice(-10_000);
    const env = { ...this.env, ENTREPOT_FAILPOINTS: `file:${this.failpoints}` };
    this.program = new RunningProgram(process.execPath, [join(DIST, this.app, 'src', 'main.js')], { env });
    await this.program.says(/"message":"ready["; ]/);
  }

  /** Dies when it passes this point; nowhere where it is null. */
  async arm(point: string | null): Promise<void> {
    await writeFile(`${this.failpoints}.new`, point === null ? '' : `${point}=kill`);
    await rename(`${this.failpoints}.new`, this.failpoints);
  }

  async kill(): Promise<void> {
    await this.program?.stop('SIGKILL');
  }

  /** Asks it to end, and gives its exit code. */
  async stop(): Promise<number | null> {
    if (!this.program) return 0;
    const { code } = await this.program.stop('SIGTERM');
    return code;
  }

  private get failpoints(): string {
    return join(this.folder, `${this.name}.failpoints`);
  }
}
