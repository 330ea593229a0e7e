import type { Command } from 'commander';
import { asked, type Desk, doing, several, withExamples } from '../desk';
import { formatSize } from '../format-size';
import { formatDuration } from '../format-time';
import { pasteName } from '../paste-name';
import { type SeenOperation, SeenOperationSchema } from '../seen-operation';
import { showOne } from '../show';
import type { Terminal } from '../terminal';
import { waitForOutcome } from '../wait-for-outcome';
import { operationFace } from './operation-face';

interface Options {
  readonly platform?: readonly string[];
  readonly allPlatforms?: boolean;
  readonly wait: boolean;
}

export function addPull(program: Command, terminal: Terminal): void {
  const command = program
    .command('pull')
    .summary('bring an image here')
    .description(
      'Have an image fetched from its registry, and wait until it is here. On a terminal its layers are shown as they come. Ctrl-C leaves the pull running.',
    )
    .argument('<reference>', 'what to pull, as one types it for docker pull')
    .option('--platform <platform>', 'of an index this one, such as linux/arm64; may be given several times', several)
    .option('--all-platforms', 'of an index all of them')
    .option('--wait', 'wait for its end (this is what is done unless told otherwise)', true)
    .option('--no-wait', 'answer as soon as it is taken in, with the operation')
    .action(doing<Options>(terminal, pull));
  command.options.find(({ long }) => long === '--all-platforms')?.conflicts('platform');
  withExamples(command, [
    ['entrepot pull alpine:3', "docker.io's alpine, for the platform of the server"],
    ['entrepot pull quay.io/team/app:1 --platform linux/amd64 --platform linux/arm64', 'two platforms of an index'],
    ['entrepot pull node:22 --no-wait --output name', 'only the id of the operation, to be followed later'],
  ]);
}

async function pull(desk: Desk, [reference]: readonly string[], options: Options): Promise<void> {
  const { platform, allPlatforms, wait } = options;
  const platforms = allPlatforms ? { platforms: 'all' } : platform ? { platforms: platform } : {};
  const body = { kind: 'pull', reference, ...platforms };
  const began = desk.terminal.now();
  const operation = await desk.warehouse.ask(SeenOperationSchema, 'POST', '/api/v1/operations', { ...asked(), body });
  if (!wait) return showOne(desk.terminal, desk.output, operationFace(desk), operation);
  const ended = await waitForOutcome(desk, operation);
  showOne(desk.terminal, desk.output, pulledFace(desk), ended);
  if (desk.terminal.isErrTerminal) desk.terminal.err(summary(ended, desk.terminal.now() - began));
}

/** What was pulled, by the digest that it named: it means the same for ever, and calls nest. */
function pulledFace(desk: Desk) {
  const names = ({ image }: SeenOperation) =>
    image === null ? [] : [`${pasteName(image.repository, desk.warehouse.base.host)}@${image.digest}`];
  return {
    names,
    table: (pulled: readonly SeenOperation[]) =>
      pulled
        .flatMap(names)
        .map((name) => `${name}\n`)
        .join(''),
  };
}

function summary({ bytesTotal, layers }: SeenOperation, ms: number): string {
  return `${layers.length} blobs, ${formatSize(bytesTotal)}, in ${formatDuration(ms / 1000)}\n`;
}
