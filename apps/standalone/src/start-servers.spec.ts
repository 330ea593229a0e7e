import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processStartTime } from '#children/process-identity';
import { loadConfig } from '#config/load-config';
import { NatsWire } from '#testing/nats-wire';
import { Children } from './children';
import { type DataFolder, openDataFolder } from './data-folder';
import { StandaloneConfigSchema } from './standalone.config';
import { startServers } from './start-servers';
import { StartSteps } from './start-steps';

const config = (env: Record<string, string> = {}) =>
  loadConfig(StandaloneConfigSchema, { ENTREPOT_NATS_PORT: '0', ...env });

describe('the servers of the standalone program', () => {
  let above: string;
  let folder: DataFolder;
  let said: string[];
  const steps = new StartSteps((line) => said.push(line.replace(/ +/g, ' ').trim()), Date.now);
  const pids: number[] = [];
  const seen: Children[] = [];

  beforeEach(async () => {
    said = [];
    above = await mkdtemp(join(tmpdir(), 'entrepot-servers-'));
    folder = await openDataFolder(join(above, 'data'));
  });
  afterEach(async () => {
    for (const children of seen.splice(0)) await children.stopAll();
    folder.release();
    await rm(above, { recursive: true, force: true });
  });

  class SeenChildren extends Children {
    constructor(path: string) {
      super(path);
      seen.push(this);
    }

    override spawned(child: Parameters<Children['spawned']>[0]): Promise<void> {
      pids.push(child.pid);
      return super.spawned(child);
    }
  }

  it('are started, said with their times, and stopped', async () => {
    const children = new SeenChildren(folder.path);
    const servers = await startServers(folder, children, config(), steps);
    expect(said).toContainEqual(expect.stringMatching(/^postgres created and started \d+\.\d s$/));
    expect(said).toContainEqual(expect.stringMatching(/^nats-server 2\.\d+\.\d+ .*, started \d+\.\d s$/));
    expect(servers.databaseUrl).toMatch(/^postgres:\/\/entrepot:.+@127\.0\.0\.1:\d+\/entrepot$/);
    (await NatsWire.connect(servers.natsUrl)).close();
    (await NatsWire.connect(servers.anonymousNatsUrl!)).close();
    await servers.stop();
    expect(pids.filter((pid) => processStartTime(pid) !== undefined)).toEqual([]);
  });

  /** Of a start that was killed: nobody takes note of how its children end. */
  class KilledChildren extends SeenChildren {
    override async ended(): Promise<void> {}
  }

  it('take over from those that a killed start left', async () => {
    const killed = await startServers(folder, new KilledChildren(folder.path), config(), steps);
    const port = new URL(killed.natsUrl).port;
    const children = new SeenChildren(folder.path);
    const next = await startServers(folder, children, config({ ENTREPOT_NATS_PORT: port }), steps);
    expect(said).toContainEqual(expect.stringMatching(/^left over ended .*(postgres|nats-server) \(\d+\), /));
    (await NatsWire.connect(next.natsUrl)).close();
    await next.stop();
  });

  it.each<[NodeJS.Signals, RegExp]>([
    ['SIGKILL', /^nats-server ended while Entrepot ran \(signal SIGKILL\), so Entrepot ends\. .* ran out of memory\.$/],
    [
      'SIGTERM',
      /^nats-server ended while Entrepot ran \(.*\), so Entrepot ends\. .* It said:\n(.*\n)*.*Trapped .* signal\n/,
    ],
  ])('tell which one ended and what it said, when one does unasked: %s', async (signal, says) => {
    const children = new SeenChildren(folder.path);
    const servers = await startServers(folder, children, config({ DATABASE_URL: 'postgres://u@127.0.0.1:1/d' }), steps);
    process.kill(pids.at(-1)!, signal);
    expect((await servers.failed).message).toMatch(says);
    await servers.stop();
  });

  it('leave none running when one cannot start', async () => {
    const holder = await startServers(
      folder,
      new SeenChildren(folder.path),
      config({ DATABASE_URL: 'postgres://u@h/d' }),
      steps,
    );
    const before = pids.length;
    const other = await openDataFolder(join(above, 'other'));
    const children = new SeenChildren(other.path);
    const port = new URL(holder.natsUrl).port;
    await expect(startServers(other, children, config({ ENTREPOT_NATS_PORT: port }), steps)).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is taken`,
    );
    expect(pids.slice(before).filter((pid) => processStartTime(pid) !== undefined)).toEqual([]);
    await holder.stop();
    other.release();
  });

  it('are not started when the settings name others', async () => {
    const env = { DATABASE_URL: 'postgres://u:p@db/d', NATS_URL: 'nats://u:p@bus:4222' };
    const servers = await startServers(folder, new SeenChildren(folder.path), config(env), steps);
    expect(servers).toMatchObject({
      databaseUrl: env.DATABASE_URL,
      natsUrl: env.NATS_URL,
      anonymousNatsUrl: undefined,
    });
    expect(said).toEqual([]);
    await servers.stop();
  });
});
