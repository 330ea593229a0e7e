import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { eventually } from './eventually';
import { peer } from './peers';
import { type Finished, RunningProgram, runProgram, runWell } from './run-program';
import { removeFolder, tempFolder } from './temp-folder';

/** What keeps a Docker engine from touching this machine's network. */
const APART = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--ip-forward=false', '--ip-masq=false'];

/**
 * The engine mounts its data folder onto itself, and does not always get to undo that: in mounts of its own, which end
 * with it, the folder can be removed whatever happened.
 */
const OWN_MOUNTS = ['--mount', '--propagation', 'private'];

/** A real Docker engine of this test's own, on folders and a socket of its own. Needs root. */
export class DockerEngine {
  private constructor(
    private readonly folder: string,
    private readonly program: RunningProgram,
  ) {}

  /** Of its images in containerd's store, as Docker keeps them since 29, or in its own. */
  static async start(dockerd: 'dockerd' | 'dockerd-29' = 'dockerd'): Promise<DockerEngine> {
    const folder = await tempFolder('docker');
    const at = (name: string) => join(folder, name);
    await Promise.all([mkdir(at('data')), mkdir(at('exec'))]);
    const places = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')];
    const path = await realpath(peer(dockerd));
    const args = [...OWN_MOUNTS, path, ...places, '-H', `unix://${at('socket')}`, ...APART];
    // It starts the containerd that lies beside it, if there is one.
    const env = { ...process.env, PATH: `${dirname(path)}:${process.env.PATH}` };
    const program = new RunningProgram('unshare', args, { env });
    const engine = new DockerEngine(folder, program);
    await eventually('the Docker engine answers', async () => {
      if (program.over) throw new Error(program.log);
      return (await engine.try('version')).code === 0;
    });
    return engine;
  }

  /** The path of its Unix socket. */
  get socket(): string {
    return join(this.folder, 'socket');
  }

  /** `docker <args>`, which must succeed; gives what it said. */
  async docker(...args: string[]): Promise<string> {
    return (await runWell(peer('docker'), args, { env: this.env(), withinMs: 300_000 })).trim();
  }

  /** `docker <args>`, however it ends. */
  try(...args: string[]): Promise<Finished> {
    return runProgram(peer('docker'), args, { env: this.env(), withinMs: 300_000 });
  }

  async stop(): Promise<void> {
    await this.program.stop('SIGTERM');
    await removeFolder(this.folder);
  }

  private env(): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    return { PATH, HOME, DOCKER_HOST: `unix://${this.socket}`, DOCKER_CONFIG: this.folder };
  }
}
