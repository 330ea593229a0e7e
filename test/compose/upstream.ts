import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerEngine } from '#testing/docker-engine';
import { imageLayout } from '#testing/docker-registry';
import { eventually } from '#testing/eventually';
import { peer } from '#testing/peers';

const PORT = 5000;
const CONFIG = `version: 0.1
storage: {filesystem: {rootdirectory: /tmp/data}}
http: {addr: "0.0.0.0:${PORT}"}
`;

/** A registry in a container beside the project's, which those of one of its networks know as `upstream:5000`. */
export class Upstream {
  readonly host = `upstream:${PORT}`;

  private constructor(
    private readonly engine: DockerEngine,
    private readonly address: string,
  ) {}

  /** Its settings lie in `folder`. */
  static async start(engine: DockerEngine, network: string, folder: string): Promise<Upstream> {
    const config = join(folder, 'upstream.yml');
    await writeFile(config, CONFIG);
    const mounts = [`${peer('docker-registry')}:/registry:ro`, `${config}:/config.yml:ro`];
    await engine.docker(
      ...['run', '--detach', '--name', 'upstream', '--network', network, '--network-alias', 'upstream'],
      ...mounts.flatMap((mount) => ['--volume', mount]),
      ...['--entrypoint', '/registry', 'debian-with-node', 'serve', '/config.yml'],
    );
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
    const ip = await engine.docker('inspect', '--format', format, 'upstream');
    return new Upstream(engine, `${ip}:${PORT}`);
  }

  /** Pushes a small real image as `name`; gives its digest. */
  async push(name: string): Promise<string> {
    const target = `docker://${this.address}/${name}`;
    const options = ['--preserve-digests', '--dest-tls-verify=false', '--quiet'];
    const copy = async () => {
      await this.engine.inside(peer('skopeo'), ['copy', ...options, await imageLayout('library/quick:1'), target]);
      return true;
    };
    await eventually('the upstream takes an image', copy);
    const seen = ['inspect', '--tls-verify=false', '--format', '{{.Digest}}', target];
    return (await this.engine.inside(peer('skopeo'), seen)).trim();
  }

  /** What it held is gone. */
  async stop(): Promise<void> {
    await this.engine.docker('rm', '--force', '--volumes', 'upstream');
  }
}
