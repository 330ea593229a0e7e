import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { eventually } from './eventually';
import { peer } from './peers';
import { type Finished, type ProgramOptions, RunningProgram, runProgram, runWell } from './run-program';
import { removeFolder, tempFolder } from './temp-folder';

/** What keeps a Docker engine from touching this machine's network, which its builds and containers may share. */
const HANDS_OFF = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--ip-forward=false', '--ip-masq=false'];

/**
 * The engine mounts its data folder onto itself, and does not always get to undo that: in mounts of its own, which end
 * with it, the folder can be removed whatever happened.
 */
const OWN_MOUNTS = ['--mount', '--propagation', 'private'];

/**
 * `shared`: this machine's. `own`: bridges, published ports and rules for packets that nobody else has, which end with
 * the engine; loopback there is another one, and nothing leads out.
 */
export type EngineNetwork = 'shared' | 'own';

type Dockerd = 'dockerd' | 'dockerd-29';

/** A real Docker engine of this test's own, on folders and a socket of its own. Needs root. */
export class DockerEngine {
  private program: RunningProgram;

  private constructor(
    private readonly folder: string,
    private readonly dockerd: string,
    network: EngineNetwork,
  ) {
    this.program = this.run(network);
  }

  /** Of its images in containerd's store, as Docker keeps them since 29, or in its own. */
  static async start(dockerd: Dockerd = 'dockerd', network: EngineNetwork = 'shared'): Promise<DockerEngine> {
    const folder = await tempFolder('docker');
    await Promise.all(['data', 'exec'].map((name) => mkdir(join(folder, name))));
    const engine = new DockerEngine(folder, await realpath(peer(dockerd)), network);
    await engine.ready();
    return engine;
  }

  /** The path of its Unix socket. */
  get socket(): string {
    return join(this.folder, 'socket');
  }

  /** What a client of its needs beside its own. */
  get env(): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    return { PATH, HOME, DOCKER_HOST: `unix://${this.socket}`, DOCKER_CONFIG: this.folder };
  }

  /** `docker <args>`, which must succeed; gives what it said. */
  async docker(...args: string[]): Promise<string> {
    return (await runWell(peer('docker'), args, { env: this.env, withinMs: 300_000 })).trim();
  }

  /** `docker <args>`, however it ends. */
  try(...args: string[]): Promise<Finished> {
    return runProgram(peer('docker'), args, { env: this.env, withinMs: 300_000 });
  }

  /** Runs a program in the engine's network: on its loopback are the ports that its containers publish. */
  inside(command: string, args: readonly string[], options: ProgramOptions = {}): Promise<string> {
    return runWell('nsenter', [`--net=/proc/${this.program.pid}/ns/net`, command, ...args], options);
  }

  /** Ends it, and starts it again with what it holds, in another network. */
  async move(network: EngineNetwork): Promise<void> {
    await this.program.stop('SIGTERM');
    this.program = this.run(network);
    await this.ready();
  }

  /** With all its containers: none outlives it. */
  async stop(): Promise<void> {
    const { stdout } = await this.try('ps', '--all', '--quiet');
    const containers = stdout.split('\n').filter(Boolean);
    if (containers.length > 0) await this.try('rm', '--force', ...containers);
    await this.program.stop('SIGTERM');
    await removeFolder(this.folder);
  }

  private async ready(): Promise<void> {
    await eventually('the Docker engine answers', async () => {
      if (this.program.over) throw new Error(this.program.log);
      return (await this.try('version')).code === 0;
    });
  }

  private run(network: EngineNetwork): RunningProgram {
    const at = (name: string) => join(this.folder, name);
    const places = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')];
    const command = [this.dockerd, ...places, '-H', `unix://${this.socket}`];
    // It starts the containerd that lies beside it, if there is one.
    const env = { ...process.env, PATH: `${dirname(this.dockerd)}:${process.env.PATH}` };
    const how = network === 'own' ? ['--net', ...withLoopback(command)] : [...command, ...HANDS_OFF];
    return new RunningProgram('unshare', [...OWN_MOUNTS, ...how], { env });
  }
}

/** In a new network even loopback is down. */
const withLoopback = (command: readonly string[]) => [
  ...['sh', '-c', `'${peer('busybox')}' ip link set lo up && exec "$0" "$@"`],
  ...command,
];
