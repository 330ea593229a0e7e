import { homedir, hostname } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { ReporterNameSchema } from '#contracts/bodies/container-report';
import { type Desk, doing, wholeNumber, withExamples } from '../desk';
import { EXIT, exitOf, Fault } from '../fault';
import { DockerRuntime } from '../report/docker/docker-runtime';
import { findEngine } from '../report/docker/find-engine';
import { PeerFault } from '../report/http-peer';
import { type Cluster, ownCluster } from '../report/kubernetes/cluster';
import { configuredCluster } from '../report/kubernetes/kubeconfig';
import { KubernetesRuntime } from '../report/kubernetes/kubernetes-runtime';
import { Reporter } from '../report/reporter';
import type { Runtime } from '../report/runtime';
import { sendReportsTo } from '../report/send-report';
import { LONGEST_BASE_NAME } from '../report/split-report';
import type { Terminal } from '../terminal';

interface Options {
  readonly name?: string;
  readonly heartbeat: number;
  readonly lease?: number;
  readonly withdraw?: boolean;
  readonly once?: boolean;
}
type DockerOptions = Options & { readonly host?: string };
type KubernetesOptions = Options & { readonly kubeconfig?: string; readonly context?: string };

const HEARTBEAT_S = 60;
const TIMES = { backoffMs: 1_000, attachMs: 300_000 };
/** Something changes in a large cluster at any moment, and each report is of all of it. */
const SETTLE_MS = { docker: 1_000, kubernetes: 5_000 };

export function addReport(program: Command, terminal: Terminal): void {
  const report = program
    .command('report')
    .summary('say what an engine or a cluster runs')
    .description(
      'Say what runs elsewhere, so that its images are in use here: soon after each change, and whole at every heartbeat, until Ctrl-C. What is no longer said ends with its lease.',
    );
  const docker = withTimes(report.command('docker'), 'the name of this machine')
    .summary('say what a Docker engine runs')
    .description('Say which containers a Docker engine has, or one that speaks its API, such as Podman.')
    .option('--host <address>', 'the engine; by default DOCKER_HOST, or unix:///var/run/docker.sock')
    .action(doing<DockerOptions>(terminal, reportDocker));
  withExamples(docker, [
    ['entrepot report docker --url http://entrepot.example:5050', 'what this machine runs, as long as it runs'],
    ['entrepot report docker --name ci-7 --withdraw', 'of a machine that goes for good when this ends'],
  ]);
  const kubernetes = withTimes(report.command('kubernetes'), 'kubernetes')
    .summary('say what a Kubernetes cluster runs')
    .description('Say which pods a cluster has, in all namespaces: inside a pod as its service account.')
    .option('--kubeconfig <file>', 'by default KUBECONFIG, the service account, or the file that kubectl reads')
    .option('--context <name>', 'of the kubeconfig; by default its current one')
    .action(doing<KubernetesOptions>(terminal, reportKubernetes));
  withExamples(kubernetes, [
    ['entrepot report kubernetes --name production', 'in a pod, what its cluster runs'],
    ['entrepot report kubernetes --context staging --name staging --once', 'one report, which holds for its lease'],
  ]);
}

const withTimes = (command: Command, name: string) =>
  command
    .option('--name <name>', `under which it reports, alone; by default ${name}`, readName)
    .option('--heartbeat <seconds>', 'how often all of it is said at least', wholeNumber(5, 3600), HEARTBEAT_S)
    .option('--lease <seconds>', 'how long that holds; by default three heartbeats', wholeNumber(10, 604_800))
    .option('--withdraw', 'in the end say that nothing runs, instead of letting the lease run out')
    .option('--once', 'say it once, and end');

function readName(text: string): string {
  if (ReporterNameSchema.safeParse(text).success && text.length <= LONGEST_BASE_NAME) return text;
  throw new InvalidArgumentError(`It must be 1 to ${LONGEST_BASE_NAME} of a-z, 0-9, . and -, a letter or digit first.`);
}

async function reportDocker(desk: Desk, _: readonly string[], options: DockerOptions): Promise<void> {
  await report(desk, SETTLE_MS.docker, { name: machineName(), ...options }, async () => {
    return new DockerRuntime(findEngine(options.host, desk.terminal.env));
  });
}

async function reportKubernetes(desk: Desk, _: readonly string[], options: KubernetesOptions): Promise<void> {
  await report(desk, SETTLE_MS.kubernetes, { name: 'kubernetes', ...options }, async () => {
    return new KubernetesRuntime(await findCluster(desk.terminal, options));
  });
}

async function report(
  { terminal, warehouse }: Desk,
  settleMs: number,
  { name, heartbeat, lease = 3 * heartbeat, withdraw = false, once }: Options & { readonly name: string },
  open: () => Promise<Runtime>,
): Promise<void> {
  if (lease < 2 * heartbeat) throw new Fault('--lease must be two --heartbeat at least', EXIT.usage);
  const say = (line: string) => terminal.err(`${line}\n`);
  const leaseSeconds = Math.max(10, lease);
  const settings = { name, heartbeatMs: heartbeat * 1000, leaseSeconds, settleMs, withdraw, ...TIMES };
  try {
    const reporter = new Reporter(await open(), sendReportsTo(warehouse.base), settings, say);
    await (once ? reporter.once(terminal.interrupted) : reporter.run(terminal.interrupted));
  } catch (error) {
    if (error instanceof PeerFault) throw new Fault(error.message, exitOf({ status: error.status }));
    throw error;
  }
}

async function findCluster({ env }: Terminal, { kubeconfig, context }: KubernetesOptions): Promise<Cluster> {
  const [named] = (kubeconfig ?? env.KUBECONFIG ?? '').split(delimiter);
  if (named) return configuredCluster(named, context);
  if (env.KUBERNETES_SERVICE_HOST && context === undefined) return ownCluster(env);
  return configuredCluster(join(env.HOME || homedir(), '.kube', 'config'), context);
}

/** A host may have signs in its name that no reporter has. */
export function machineName(host = hostname()): string {
  const plain = host
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    .replace(/^[.-]+/, '');
  return plain.slice(0, LONGEST_BASE_NAME) || 'docker';
}
