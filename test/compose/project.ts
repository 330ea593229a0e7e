import { appendFile, chown, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerEngine } from '#testing/docker-engine';
import { HOUSE } from '#testing/house';
import { peer } from '#testing/peers';
import { type Finished, runProgram, runWell } from '#testing/run-program';
import { removeFolder, tempFolder } from '#testing/temp-folder';

/** What docker-compose.yml reads, and what the Dockerfile is built from. */
const FILES = [
  ...['docker-compose.yml', '.dockerignore', '.swcrc', 'package.json', 'package-lock.json', 'LICENSE'],
  ...['deploy', 'scripts', 'apps', 'libs'],
];

/** What an engine says of a container, as far as it is asked here. */
export interface Inspected {
  readonly State: { readonly Pid: number; readonly Running: boolean; readonly Health?: { readonly Status: string } };
  readonly RestartCount: number;
  readonly HostConfig: {
    readonly Memory: number;
    readonly PidsLimit: number | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly RestartPolicy: { readonly Name: string };
    readonly LogConfig: { readonly Config: Readonly<Record<string, string>> };
    readonly PortBindings: Readonly<Record<string, readonly { readonly HostIp: string }[]>> | null;
  };
}

/** The project as somebody has it who cloned it, run by the Compose tool on an engine of its own. */
export class ComposeProject {
  private constructor(
    private readonly engine: DockerEngine,
    readonly folder: string,
  ) {}

  static async lay(engine: DockerEngine): Promise<ComposeProject> {
    const folder = await tempFolder('compose');
    for (const name of FILES) await cp(join(HOUSE, name), join(folder, name), { recursive: true });
    return new ComposeProject(engine, folder);
  }

  /** A file of its folder. */
  read(name: string): Promise<string> {
    return readFile(join(this.folder, name), 'utf8');
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }

  /** In its folder, for a user of its containers. */
  async makeFolder(name: string, user: number): Promise<void> {
    await mkdir(join(this.folder, name));
    await chown(join(this.folder, name), user, user);
  }

  /** What the one thing in such a folder is called. */
  async only(name: string): Promise<string> {
    const [first, ...others] = await readdir(join(this.folder, name));
    if (first === undefined || others.length > 0) throw new Error(`${name} has ${[first, ...others].join(', ')}`);
    return first;
  }

  /** `sh deploy/secrets.sh`, and what else is said of this installation. */
  async makeSecrets(more: string): Promise<void> {
    await runWell('sh', ['deploy/secrets.sh'], { cwd: this.folder });
    await appendFile(join(this.folder, '.env'), more);
  }

  /** `docker-compose <args>`, which must succeed; gives what it said. */
  compose(...args: string[]): Promise<string> {
    return runWell(peer('docker-compose'), [...NAME, ...args], this.options());
  }

  /** `docker-compose <args>`, however it ends; with variables of the shell that stand above those of the file. */
  try(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    return runProgram(peer('docker-compose'), [...NAME, ...args], this.options(env));
  }

  /** A command in a service's container, beside what runs there. */
  async exec(service: string, ...command: string[]): Promise<Finished> {
    return this.engine.try('exec', await this.container(service), ...command);
  }

  async inspect(service: string): Promise<Inspected> {
    return (JSON.parse(await this.engine.docker('inspect', await this.container(service))) as [Inspected])[0];
  }

  /** By its label: names of containers are the Compose tool's own matter. */
  private container(service: string): Promise<string> {
    return this.engine.docker('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.service=${service}`);
  }

  async remove(): Promise<void> {
    await removeFolder(this.folder);
  }

  private options(env: NodeJS.ProcessEnv = {}) {
    return { cwd: this.folder, env: { ...this.engine.env, ...env }, withinMs: 600_000 };
  }
}

const NAME = ['--project-name', 'entrepot'];
