import { DockerEngine } from '#testing/docker-engine';
import { eventually } from '#testing/eventually';
import { describeWithPeers, peer } from '#testing/peers';
import { ComposeProject } from './compose/project';
import { makeStandIns } from './compose/stand-ins';
import { Upstream } from './compose/upstream';

const PEERS = [
  ...['dockerd', 'docker', 'docker-compose', 'runc', 'skopeo', 'debootstrap', 'docker-registry', 'busybox'],
  ...['pg_isready', 'nats', 'nats-server', 'minio'],
];

const SERVICES = ['gateway', 'fetcher', 'metadata', 'blobs', 'gc'] as const;
const STORES = ['nats', 'postgres', 'minio'] as const;
const ALL = [...SERVICES, ...STORES];
const ADMIN = 'dist/apps/standalone/src/admin.js';
const SERVICE_USER = 65532;
const LINE = 'run sh deploy/secrets.sh first';
const SECRETS = ['ENTREPOT_SECRET', 'POSTGRES_PASSWORD', 'NATS_PASSWORD', 'MINIO_PASSWORD'];
/** What the file says that it will not be without. */
const WANTED = /\$\{(\w+):\?/g;

/** As docs/how-to/run-five-processes.md says it; builds take their packages over the network of this machine. */
const OVERRIDE = `services:
  gateway:
    build: { network: host }
  fetcher:
    environment: { ENTREPOT_UPSTREAMS: /etc/entrepot/upstreams.json }
    volumes: ["./upstreams.json:/etc/entrepot/upstreams.json:ro"]
`;

/** What an image of the upstream is called here. */
const served = (name: string) => `127.0.0.1:5050/upstream_5000/${name}`;

describeWithPeers('docker-compose.yml, run by the Compose tool in a real engine', PEERS, () => {
  let engine: DockerEngine;
  let project: ComposeProject;
  let upstream: Upstream;
  let digest: string;

  beforeAll(async () => {
    engine = await DockerEngine.start();
    project = await ComposeProject.lay(engine);
  }, 60_000);

  afterAll(async () => {
    await engine?.stop();
    await project?.remove();
  }, 120_000);

  /** What an image of the file is called, so that a stand-in gets the very name. */
  const named = async (file: string, variable: RegExp) => variable.exec(await project.read(file))?.[1] ?? 'not named';
  const images = async () => {
    const { stdout } = await project.exec('gateway', 'entrepot', 'images', '--output', 'name');
    return stdout.split('\n').filter(Boolean).sort();
  };

  /** Publishes a pull from this machine, and waits until the image is listed. */
  async function pull(name: string): Promise<void> {
    digest = await upstream.push(name);
    const reference = `${upstream.host}/${name}`;
    const message = JSON.stringify({ reference });
    // Told when the stream has it: what is published before metadata made that is nobody's.
    const publish = ['--server', 'nats://127.0.0.1:4222', 'pub', '--jetstream', 'entrepot.request.pull', message];
    await eventually('the bus takes a request', async () => engine.inside(peer('nats'), publish), { withinMs: 60_000 });
    const isListed = async () => (await images()).includes(served(name));
    const listed = eventually(`${reference} is listed`, isListed, { withinMs: 120_000, everyMs: 500 });
    await listed.catch(async (why: Error) => {
      throw new Error(`${why.message}\n${await project.compose('logs', '--no-color', '--tail', '40')}`);
    });
  }

  /** `docker pull` through the port that is published, of what the engine has not. */
  async function isServed(name: string): Promise<void> {
    expect(await engine.docker('pull', served(name))).toContain(`Digest: ${digest}`);
    await engine.docker('rmi', served(name));
  }

  const fsck = () => project.exec('metadata', 'node', ADMIN, 'fsck', '--deep');
  /** A command in a container that is made for it, as docs/how-to/back-up-and-restore.md says it. */
  const admin = (...command: string[]) =>
    project.compose('run', '--rm', '-T', '-v', `${project.folder}/backups:/backups`, 'metadata', ADMIN, ...command);

  it('is refused without its secrets, each by name, with the line that makes them', async () => {
    const bare = await project.try(['config', '--quiet']);
    expect(bare).toMatchObject({ code: 1, stderr: expect.stringContaining(LINE) });
    await project.makeSecrets('UPSTREAM_HOSTS=upstream:5000\n');
    const wanted = new Set([...(await project.read('docker-compose.yml')).matchAll(WANTED)].map(([, name]) => name!));
    expect([...wanted]).toEqual(expect.arrayContaining(SECRETS));
    for (const name of wanted) {
      const { code, stderr } = await project.try(['config', '--quiet'], { [name]: '' });
      expect({ name, code, stderr }).toEqual({ name, code: 1, stderr: expect.stringContaining(LINE) });
    }
  }, 60_000);

  it('is read without a complaint, and its passwords are long and not one', async () => {
    expect(await project.try(['config', '--quiet'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const made = new Map(
      (await project.read('.env')).split('\n').map((line) => line.split(/=(.*)/) as [string, string]),
    );
    expect(new Set(SECRETS.map((name) => made.get(name)).filter((secret) => secret!.length >= 40)).size).toBe(4);
  }, 30_000);

  it('has its image built as deploy/Dockerfile says', async () => {
    await makeStandIns(engine, {
      node: await named('deploy/Dockerfile', /^ARG BASE=(.+)$/m),
      nats: await named('docker-compose.yml', /NATS_IMAGE:-(.+)\}/),
      postgres: await named('docker-compose.yml', /POSTGRES_IMAGE:-(.+)\}/),
      minio: await named('docker-compose.yml', /MINIO_IMAGE:-(.+)\}/),
    });
    await project.write('upstreams.json', '{"upstream:5000": {"plainHttp": true}}');
    await project.write('docker-compose.override.yml', OVERRIDE);
    await project.compose('build', 'gateway');
    await engine.move('own');
  }, 600_000);

  it('starts, whoever is first: the services before what they need', async () => {
    await project.compose('up', '--detach', '--no-deps', ...SERVICES);
    await project.compose('up', '--detach');
    upstream = await Upstream.start(engine, 'entrepot_outside', project.folder);
    await pull('library/first:1');
    await isServed('library/first:1');
  }, 300_000);

  it('bounds all, lets them be started again, and publishes nothing beyond loopback', async () => {
    const wanted: Record<string, string[]> = { gateway: ['127.0.0.1 5050/tcp'], nats: ['127.0.0.1 4222/tcp'] };
    for (const name of ALL) {
      const { Memory, PidsLimit, PortBindings, ...how } = (await project.inspect(name)).HostConfig;
      const published = Object.entries(PortBindings ?? {}).map(([port, [at]]) => `${at?.HostIp} ${port}`);
      const isBounded = Memory > 0 && PidsLimit! > 0;
      expect({ name, isBounded, published }).toEqual({ name, isBounded: true, published: wanted[name] ?? [] });
      expect(how).toMatchObject({
        SecurityOpt: ['no-new-privileges:true'],
        RestartPolicy: { Name: 'unless-stopped' },
        LogConfig: { Config: { 'max-size': '10m', 'max-file': '3' } },
      });
    }
  }, 60_000);

  it.each(SERVICES)('runs %s as nobody, without rights, where it can write nothing but /tmp', async (name) => {
    const look = 'id -u; grep ^CapEff: /proc/1/status; for at in /tmp / /entrepot; do touch $at/x && echo $at; done';
    const { stdout, stderr } = await project.exec(name, 'sh', '-c', look);
    expect(stdout).toMatch(/^65532\nCapEff:\s0+\n\/tmp\n$/);
    expect(stderr.match(/Read-only file system/g)).toHaveLength(2);
  });

  it('has a bus that is synced at each write', async () => {
    const { stdout } = await project.exec('nats', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8222/jsz');
    expect(JSON.parse(stdout)).toMatchObject({ config: { sync_always: true, store_dir: '/data/jetstream' } });
  });

  it('is backed up while it works', async () => {
    await project.makeFolder('backups', SERVICE_USER);
    await admin('backup', '/backups/');
  }, 60_000);

  it.each(ALL)(
    'has %s back after a kill -9, and goes on',
    async (name) => {
      const { State, RestartCount } = await project.inspect(name);
      process.kill(State.Pid, 'SIGKILL');
      const isBack = async () => {
        const now = await project.inspect(name);
        return now.State.Running && now.RestartCount > RestartCount;
      };
      await eventually(`${name} runs again`, isBack, { withinMs: 60_000, everyMs: 200 });
      await pull(`library/after-${name}:1`);
      await isServed(`library/after-${name}:1`);
    },
    240_000,
  );

  it('has everything that it had after down and up, and nothing is missing or left over', async () => {
    await upstream.stop();
    const before = await images();
    expect(before).toEqual(
      ['first', ...ALL.map((name) => `after-${name}`)].map((name) => served(`library/${name}:1`)).sort(),
    );
    await project.compose('down');
    expect(await engine.docker('ps', '--all', '--quiet')).toBe('');
    await project.compose('up', '--detach');
    const isReady = async () => (await images()).join() === before.join();
    await eventually('the same images are listed', isReady, { withinMs: 120_000, everyMs: 500 });
    await isServed('library/first:1');
    expect(await fsck()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^clean$/m) });
  }, 240_000);

  it('has all of it back from a backup that is older, and from the store', async () => {
    const before = await images();
    await project.compose('down');
    await engine.docker('volume', 'rm', 'entrepot_postgres');
    await admin('restore', `/backups/${await project.only('backups')}`);
    await project.compose('up', '--detach');
    const isBack = async () => (await images()).join() === before.join();
    await eventually('the same images are listed', isBack, { withinMs: 120_000, everyMs: 500 });
    await isServed('library/after-gc:1');
    const isClean = async () => (await fsck()).code === 0;
    await eventually('nothing is missing or left over', isClean, { withinMs: 120_000, everyMs: 500 });
  }, 400_000);

  it('has all well by their own health checks', async () => {
    for (const name of ALL) {
      const isWell = async () => (await project.inspect(name)).State.Health?.Status === 'healthy';
      await eventually(`${name} is healthy`, isWell, { withinMs: 120_000, everyMs: 500 });
    }
  }, 240_000);

  it('leaves nothing after down -v', async () => {
    await project.compose('down', '--volumes');
    expect(await engine.docker('ps', '--all', '--quiet')).toBe('');
    expect(await engine.docker('volume', 'ls', '--quiet', '--filter', 'name=entrepot')).toBe('');
    expect(await engine.docker('network', 'ls', '--quiet', '--filter', 'name=entrepot')).toBe('');
  }, 60_000);
});
