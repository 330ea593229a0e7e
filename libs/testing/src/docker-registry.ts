import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '#children/free-port';
import { eventually } from './eventually';
import { HOUSE } from './house';
import { peer } from './peers';
import { RunningProgram, runWell } from './run-program';
import { removeFolder, tempFolder } from './temp-folder';

const IMAGES = join(HOUSE, 'scripts', 'images.mjs');

export type RealImage = 'library/quick:1' | 'library/multi:1' | 'library/debian:bookworm' | 'library/node:20';

/** The OCI layout of one of the real images, made if nobody has yet: `oci:<folder>:it`. */
export async function imageLayout(name: RealImage): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [IMAGES, name]);
  return `oci:${stdout.trim().split(' ').at(-1)}:it`;
}

/** The registry that most others are measured by, as an upstream: Debian's docker-registry on a folder of its own. */
export class DockerRegistry {
  private constructor(
    readonly host: string,
    private readonly folder: string,
    private program: RunningProgram,
  ) {}

  static async start(): Promise<DockerRegistry> {
    const folder = await tempFolder('registry');
    const host = `127.0.0.1:${await freePort()}`;
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'config.yml'), config(host, join(folder, 'data')));
    const registry = new DockerRegistry(host, folder, serve(folder));
    await registry.ready();
    return registry;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  get log(): string {
    return this.program.log;
  }

  /** Pushes a real image as `name`, all its platforms, byte for byte; gives the digest it has here. */
  async push(image: RealImage, name: string = image): Promise<string> {
    const options = ['--all', '--preserve-digests', '--dest-tls-verify=false', '--quiet'];
    const target = `docker://${this.host}/${name}`;
    await runWell(peer('skopeo'), ['copy', ...options, await imageLayout(image), target]);
    return this.digestOf(name);
  }

  /** The digest that the registry gives for `repository:tag`. */
  async digestOf(name: string): Promise<string> {
    const [, repository, tag] = /^(.+):([^:]+)$/.exec(name) ?? [];
    const answer = await fetch(`${this.url}/v2/${repository}/manifests/${tag}`, {
      method: 'HEAD',
      headers: { accept: ACCEPTED },
    });
    const digest = answer.headers.get('docker-content-digest');
    if (!digest) throw new Error(`${this.host} does not know ${name}: ${answer.status}`);
    return digest;
  }

  /** Ends it; `restart` brings it back on the same port with what it held. */
  async away(): Promise<void> {
    await this.program.stop('SIGKILL');
  }

  async restart(): Promise<void> {
    this.program = serve(this.folder);
    await this.ready();
  }

  async stop(): Promise<void> {
    await this.program.stop('SIGKILL');
    await removeFolder(this.folder);
  }

  private async ready(): Promise<void> {
    await eventually(`${this.host} answers`, async () => {
      if (this.program.over) throw new Error(this.program.log);
      return (await fetch(`${this.url}/v2/`)).ok;
    });
  }
}

/** What a client accepts that takes every kind of manifest. */
export const ACCEPTED = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

function serve(folder: string): RunningProgram {
  return new RunningProgram(peer('docker-registry'), ['serve', join(folder, 'config.yml')]);
}

function config(host: string, data: string): string {
  return `version: 0.1
log: {level: info, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: ${data}}, delete: {enabled: true}}
http: {addr: ${host}}
`;
}
