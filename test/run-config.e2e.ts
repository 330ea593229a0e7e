import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join, posix } from 'node:path';
import { parseImageConfig } from '#oci/image-config';
import { mergeRunConfig, type RunConfig } from '#oci/merge-run-config';
import { type Healthcheck, type RunOverrides, RunOverridesSchema } from '#oci/run-overrides';
import { DockerEngine } from '#testing/docker-engine';
import { describeWithPeers } from '#testing/peers';
import { runWell } from '#testing/run-program';
import { removeFolder, tempFolder } from '#testing/temp-folder';

const SECOND = 1_000_000_000;

/** Images whose defaults containers are made over, as their configs write them. */
const IMAGES: Readonly<Record<string, object>> = {
  plain: { Cmd: ['sh'] },
  whole: {
    User: 'node',
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Env: ['PATH=/usr/bin', 'A=image', 'EMPTY=', 'B=image'],
    Entrypoint: ['/entry', '--fast'],
    Cmd: ['serve', '--all'],
    Volumes: { '/data': {} },
    WorkingDir: '/app/./x/../',
    Labels: { team: 'image', base: 'yes' },
    StopSignal: 'SIGINT',
    Healthcheck: {
      Test: ['CMD-SHELL', 'true'],
      Interval: 30 * SECOND,
      Timeout: 2 * SECOND,
      StartPeriod: SECOND,
      Retries: 4,
    },
  },
  entry: { Entrypoint: ['/entry'], Cmd: ['serve'] },
  off: { Cmd: ['sh'], Healthcheck: { Test: ['NONE'] } },
};

/** What a container says beside its image, each over every image. */
const OVERRIDES: readonly RunOverrides[] = [
  {},
  { cmd: ['echo', 'a b', '"'] },
  { cmd: [], entrypoint: ['/mine'] },
  { entrypoint: ['/mine', '-x'], cmd: ['y'] },
  { entrypoint: [] },
  { entrypoint: [], cmd: ['sh'] },
  { entrypoint: [''], cmd: ['sh'] },
  { entrypoint: ['', 'x'] },
  { env: ['A=mine', 'NEW=a=b', 'EMPTY', 'LAST='] },
  { env: ['a=lower', 'A=1', 'A=2'] },
  { env: [] },
  { labels: { team: 'mine', 'a.b/c': '' } },
  { exposedPorts: ['80/tcp', '443/tcp', '9/sctp'] },
  { volumes: ['/cache', '/data'] },
  { user: '0:0' },
  { user: '' },
  { workingDir: '/srv//a/../b/' },
  { workingDir: '/' },
  { stopSignal: 'SIGTERM' },
  { stopSignal: '9' },
  { stopTimeout: 0 },
  { stopTimeout: 7 },
  { hostname: 'web.example', domainname: 'example.com' },
  { tty: true, openStdin: true },
  { healthcheck: { test: ['NONE'] } },
  { healthcheck: { test: ['CMD', '/ok', 'x'], intervalMs: 1, retries: 0 } },
  { healthcheck: { test: [], timeoutMs: 1500 } },
  { healthcheck: { intervalMs: 5000, startPeriodMs: 3000, retries: 2 } },
];

/** The Engine API's config of a container, as far as it is compared. */
interface EngineConfig {
  readonly Entrypoint: string[] | null;
  readonly Cmd: string[] | null;
  readonly Env: string[] | null;
  readonly Labels: Record<string, string> | null;
  readonly ExposedPorts?: Record<string, object>;
  readonly Volumes: Record<string, object> | null;
  readonly User: string;
  readonly WorkingDir: string;
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly Hostname: string;
  readonly Domainname: string;
  readonly Tty: boolean;
  readonly OpenStdin: boolean;
  readonly Healthcheck?: Record<string, unknown>;
}

/** 20.10 also cleans the working directory that the image itself says: of `.`, `..` and `//`. */
const cleaned = ({ workingDir, ...ours }: RunConfig): RunConfig => ({
  ...ours,
  workingDir: workingDir && posix.resolve('/', workingDir),
});

/** Ours is what Docker 29 says; `otherwise` is how an older one says it. */
const ENGINES = [
  { dockerd: 'dockerd-29', otherwise: (ours: RunConfig) => ours },
  { dockerd: 'dockerd', otherwise: cleaned },
] as const;

describe.each(ENGINES)('beside $dockerd', ({ dockerd, otherwise }) => {
  describeWithPeers('what a container runs', [dockerd, 'docker'], () => comparedWith(dockerd, otherwise));
});

function comparedWith(dockerd: (typeof ENGINES)[number]['dockerd'], otherwise: (ours: RunConfig) => RunConfig): void {
  let engine: DockerEngine;
  let folder: string;

  beforeAll(async () => {
    folder = await tempFolder('images');
    engine = await DockerEngine.start(dockerd);
    await engine.docker('load', '--input', await archive(folder, IMAGES));
  }, 90_000);
  afterAll(async () => {
    await engine?.stop();
    if (folder) await removeFolder(folder);
  }, 60_000);

  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const { status, text } = await askSocket(engine.socket, method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  };

  const cases = Object.keys(IMAGES).flatMap((image) =>
    OVERRIDES.map((own) => [image, JSON.stringify(own), own] as const),
  );

  it.each(cases)('%s with %s is what Docker says', async (image, _text, own) => {
    const overrides = RunOverridesSchema.parse(own);
    const config = parseImageConfig(Buffer.from(JSON.stringify({ config: IMAGES[image] }))).config;
    const asked = { Image: `case:${image}`, ...toEngine(overrides) };
    const merged = mergeRunConfig(config, overrides, '0'.repeat(64));
    if (merged.entrypoint.length + merged.cmd.length === 0) {
      await expect(ask('POST', '/containers/create', asked)).rejects.toThrow('No command specified');
      return;
    }
    const { Id: id } = await ask<{ Id: string }>('POST', '/containers/create', asked);
    const { Config: said } = await ask<{ Config: EngineConfig }>('GET', `/containers/${id}/json`);
    expect(otherwise(mergeRunConfig(config, overrides, id))).toEqual(fromEngine(said));
  });
}

const keysOf = (list: readonly string[] | undefined) => list && Object.fromEntries(list.map((key) => [key, {}]));

/** The same input, as the Engine API spells it. */
function toEngine(own: RunOverrides): object {
  const { healthcheck } = own;
  return {
    Entrypoint: own.entrypoint,
    Cmd: own.cmd,
    Env: own.env,
    Labels: own.labels,
    ExposedPorts: keysOf(own.exposedPorts),
    Volumes: keysOf(own.volumes),
    User: own.user,
    WorkingDir: own.workingDir,
    StopSignal: own.stopSignal,
    StopTimeout: own.stopTimeout,
    Hostname: own.hostname,
    Domainname: own.domainname,
    Tty: own.tty,
    OpenStdin: own.openStdin,
    Healthcheck: healthcheck && {
      Test: healthcheck.test,
      Interval: (healthcheck.intervalMs ?? 0) * 1e6,
      Timeout: (healthcheck.timeoutMs ?? 0) * 1e6,
      StartPeriod: (healthcheck.startPeriodMs ?? 0) * 1e6,
      Retries: healthcheck.retries ?? 0,
    },
  };
}

/** What Docker answers, in the words of ours. */
function fromEngine(said: EngineConfig): RunConfig {
  return {
    entrypoint: said.Entrypoint ?? [],
    cmd: said.Cmd ?? [],
    env: said.Env ?? [],
    labels: said.Labels ?? {},
    exposedPorts: Object.keys(said.ExposedPorts ?? {}).sort(),
    volumes: Object.keys(said.Volumes ?? {}).sort(),
    user: said.User,
    workingDir: said.WorkingDir,
    stopSignal: said.StopSignal ?? '',
    stopTimeout: said.StopTimeout ?? null,
    hostname: said.Hostname,
    domainname: said.Domainname,
    tty: said.Tty,
    openStdin: said.OpenStdin,
    healthcheck: said.Healthcheck ? healthcheckOf(said.Healthcheck) : null,
  };
}

/** A zero means that nothing is said, and Docker leaves it out. */
function healthcheckOf(raw: Record<string, unknown>): Healthcheck {
  const ms = (field: string) => ((raw[field] as number | undefined) ?? 0) / 1e6;
  const read = {
    test: raw.Test,
    intervalMs: ms('Interval'),
    timeoutMs: ms('Timeout'),
    startPeriodMs: ms('StartPeriod'),
    retries: raw.Retries ?? 0,
  };
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== 0 && value !== undefined));
}

function askSocket(socketPath: string, method: string, path: string, body?: object) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' };
    const asking = request({ socketPath, method, path, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    asking.on('error', reject);
    asking.end(body && JSON.stringify(body));
  });
}

/** A file for `docker load`: an image of one layer for each config, tagged `case:<name>`. */
async function archive(folder: string, images: Readonly<Record<string, object>>): Promise<string> {
  const at = (name: string) => join(folder, name);
  await mkdir(at('root'));
  await writeFile(at('root/hello'), 'hello');
  await runWell('tar', ['-C', at('root'), '-cf', at('layer.tar'), '.']);
  const diff = createHash('sha256')
    .update(await readFile(at('layer.tar')))
    .digest('hex');
  const manifest = [];
  for (const [name, config] of Object.entries(images)) {
    const rootfs = { type: 'layers', diff_ids: [`sha256:${diff}`] };
    await writeFile(at(`${name}.json`), JSON.stringify({ architecture: 'amd64', os: 'linux', config, rootfs }));
    manifest.push({ Config: `${name}.json`, RepoTags: [`case:${name}`], Layers: ['layer.tar'] });
  }
  await writeFile(at('manifest.json'), JSON.stringify(manifest));
  const files = ['manifest.json', 'layer.tar', ...Object.keys(images).map((name) => `${name}.json`)];
  await runWell('tar', ['-C', folder, '-cf', at('images.tar'), ...files]);
  return at('images.tar');
}
