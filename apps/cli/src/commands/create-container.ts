import type { Command } from 'commander';
import { z } from 'zod';
import { type ContainerOutcome, ContainerOutcomeSchema } from '#contracts/bodies/container';
import { asked, type Desk, doing, several, wholeNumber, withExamples } from '../desk';
import { EXIT, Fault } from '../fault';
import { pasteName } from '../paste-name';
import { SeenOperationSchema } from '../seen-operation';
import { type Face, showOne } from '../show';
import type { Terminal } from '../terminal';
import { waitForOutcome } from '../wait-for-outcome';
import { operationFace } from './operation-face';

interface Options {
  readonly name?: string;
  readonly platform?: string;
  readonly entrypoint?: string;
  readonly env?: readonly string[];
  readonly label?: readonly string[];
  readonly expose?: readonly string[];
  readonly volume?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly hostname?: string;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
  readonly tty?: boolean;
  readonly interactive?: boolean;
  readonly wait: boolean;
}

export function addCreate(containers: Command, terminal: Terminal): void {
  const command = containers
    .command('create')
    .summary('make a container of an image')
    .description(
      "Make a container of an image, which is pulled first where it is not here. The options are docker create's: what they do not say is the image's.",
    )
    .argument('<image>', 'as one types it for docker create')
    .argument('[command...]', "in place of the image's; before words that begin with a hyphen write --")
    .option('--name <name>', 'made up where absent')
    .option('--platform <platform>', 'which image of an index: linux/arm64')
    .option('--entrypoint <program>', "in place of the image's, whose command then does not hold either")
    .option('-e, --env <variable>', 'KEY=value, or KEY to take it away; may be given several times', several)
    .option('-l, --label <label>', 'key=value; may be given several times', several)
    .option('--expose <port>', 'a port, 80 or 53/udp; may be given several times', several)
    .option('-v, --volume <path>', 'an absolute path; may be given several times', several)
    .option('-u, --user <user>', 'who runs it')
    .option('-w, --workdir <path>', 'where it runs')
    .option('--hostname <name>', 'by default the beginning of its id')
    .option('--stop-signal <signal>', 'SIGTERM, TERM or 15')
    .option('--stop-timeout <seconds>', 'how long it may take to end', wholeNumber(0, 86_400))
    .option('-t, --tty', 'with a terminal')
    .option('-i, --interactive', 'with its input open')
    .option('--wait', 'wait while its image is pulled (this is what is done unless told otherwise)', true)
    .option('--no-wait', 'answer with the operation where its image is pulled first')
    .action(doing<Options>(terminal, create));
  withExamples(command, [
    ['entrepot containers create nginx:1 --name web --label team=web', "with everything else as the image's"],
    ['entrepot containers create node:22 --env NODE_ENV=production -- node --version', 'another command'],
  ]);
}

async function create(desk: Desk, [image, ...cmd]: readonly string[], options: Options): Promise<void> {
  const body = { image, ...(cmd.length === 0 ? {} : { cmd }), ...overridesOf(options) };
  const AnswerSchema = z.union([ContainerOutcomeSchema, SeenOperationSchema]);
  const answer = await desk.warehouse.ask(AnswerSchema, 'POST', '/api/v1/containers', { ...asked(), body });
  if ('container' in answer) return showOne(desk.terminal, desk.output, createdFace(desk), answer);
  if (!options.wait) return showOne(desk.terminal, desk.output, operationFace(desk), answer);
  const { outcome } = await waitForOutcome(desk, answer);
  showOne(desk.terminal, desk.output, createdFace(desk), ContainerOutcomeSchema.parse(outcome));
}

function createdFace({ warehouse }: Desk): Face<ContainerOutcome> {
  const imageOf = ({ repository, digest }: ContainerOutcome) =>
    `${pasteName(repository, warehouse.base.host)}@${digest}`;
  return {
    names: ({ container }) => [container],
    table: (all) => all.map((one) => `created ${one.name} of ${imageOf(one)}\n`).join(''),
  };
}

/** Only what was said: everything else is the image's. */
function overridesOf(options: Options): object {
  const { name, platform, entrypoint, env, label, expose, volume, user, workdir, hostname } = options;
  const said = {
    name,
    platform,
    entrypoint: entrypoint === undefined ? undefined : [entrypoint],
    env,
    labels: label === undefined ? undefined : Object.fromEntries(label.map(pair)),
    exposedPorts: expose,
    volumes: volume,
    user,
    workingDir: workdir,
    hostname,
    stopSignal: options.stopSignal,
    stopTimeout: options.stopTimeout,
    tty: options.tty,
    openStdin: options.interactive,
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

function pair(label: string): [string, string] {
  const [, key, value = ''] = /^([^=]+)(?:=(.*))?$/s.exec(label) ?? [];
  if (key === undefined) throw new Fault(`--label must be key=value, and is ${JSON.stringify(label)}`, EXIT.usage);
  return [key, value];
}
