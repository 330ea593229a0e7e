import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeWhere } from './describe-where';
import { RunningProgram, runProgram, runWell } from './run-program';

/** Carries a port of loopback in there to the same port out here. Arguments: the port, whom to ask. */
const CARRY = `const net = require('node:net');
const [port, host, target] = process.argv.slice(1);
net.createServer({ allowHalfOpen: true }, (client) => {
  const server = net.connect({ port: Number(target), host, allowHalfOpen: true });
  for (const [from, to] of [[client, server], [server, client]])
    from.on('error', () => to.destroy()).pipe(to);
}).listen(Number(port), '127.0.0.1', () => console.log('carries'));`;

let made = 0;

/**
 * A network apart, as another machine has it: its own loopback, and a line to this one. What is cut is dropped without a
 * word, in both directions; connections find out for themselves. Needs root, Linux, and `ip` and `iptables`.
 */
export class NetNamespace {
  private readonly carriers: RunningProgram[] = [];

  private constructor(
    private readonly name: string,
    private readonly link: string,
    private readonly subnet: string,
  ) {}

  static async make(): Promise<NetNamespace> {
    made += 1;
    const name = `entrepot-${process.pid}-${made}`;
    const link = `ev${process.pid}x${made}`.slice(0, 15);
    const namespace = new NetNamespace(name, link, await freeSubnet());
    await runWell('ip', ['netns', 'add', name]);
    try {
      await namespace.connect();
    } catch (error) {
      await namespace.remove();
      throw error;
    }
    return namespace;
  }

  /** This machine, as it is reached from in there. */
  get outside(): string {
    return `${this.subnet}.1`;
  }

  /** What is in there, as it is reached from here. */
  get inside(): string {
    return `${this.subnet}.2`;
  }

  /** What stands before a command that is to run in there. */
  get prefix(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** Who asks this port of loopback in there asks `target` of this machine. */
  async carry(port: number, target: number): Promise<void> {
    const [command, ...args] = this.prefix;
    const script = [process.execPath, '-e', CARRY, String(port), this.outside, String(target)];
    const carrier = new RunningProgram(command!, [...args, ...script]);
    this.carriers.push(carrier);
    await carrier.says(/carries/);
  }

  /** Drops all that goes between in there and this port of this machine, and hears nothing of it. */
  async cut(port: number): Promise<void> {
    const drop = ['-p', 'tcp', '-j', 'DROP'];
    await this.run('iptables', ['-A', 'OUTPUT', '-d', this.outside, ...drop, '--dport', String(port)]);
    await this.run('iptables', ['-A', 'INPUT', '-s', this.outside, ...drop, '--sport', String(port)]);
  }

  async mend(): Promise<void> {
    await this.run('iptables', ['-F']);
  }

  /** Whoever runs in there has ended. */
  async remove(): Promise<void> {
    for (const carrier of this.carriers) await carrier.stop('SIGKILL');
    await runProgram('ip', ['link', 'del', this.link]);
    await runProgram('ip', ['netns', 'del', this.name]);
  }

  private async connect(): Promise<void> {
    const [there, apart] = [`${this.link}p`.slice(-15), ['-n', this.name]];
    await runWell('ip', ['link', 'add', this.link, 'type', 'veth', 'peer', 'name', there, 'netns', this.name]);
    await runWell('ip', ['addr', 'add', `${this.outside}/30`, 'dev', this.link]);
    await runWell('ip', ['link', 'set', this.link, 'up']);
    await runWell('ip', [...apart, 'addr', 'add', `${this.inside}/30`, 'dev', there]);
    for (const each of [there, 'lo']) await runWell('ip', [...apart, 'link', 'set', each, 'up']);
  }

  private run(command: string, args: readonly string[]): Promise<string> {
    const [first, ...rest] = this.prefix;
    return runWell(first!, [...rest, command, ...args]);
  }
}

/** The beginning of addresses that this machine has no network of. */
async function freeSubnet(): Promise<string> {
  const routes = await runWell('ip', ['-4', 'addr']);
  for (let part = process.pid % 250; ; part = (part + 1) % 250) {
    const subnet = `10.213.${part}`;
    if (!routes.includes(`${subnet}.`)) return subnet;
  }
}

const has = (program: string) => ['/usr/sbin', '/sbin', '/usr/bin'].some((bin) => existsSync(join(bin, program)));

/** Whether this user may make one here. */
const canPartition = process.platform === 'linux' && process.getuid?.() === 0 && has('ip') && has('iptables');

export const describeWithNetwork = (title: string, body: () => void) =>
  describeWhere(canPartition ? undefined : 'needs root, Linux, ip and iptables', title, body);
