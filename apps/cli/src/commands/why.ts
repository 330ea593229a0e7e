import type { Command } from 'commander';
import { type KeepingRoot, type Why, WhySchema } from '#contracts/calls/why';
import { type Desk, doing, shortId, withExamples } from '../desk';
import { formatMoment } from '../format-time';
import { showOne } from '../show';
import type { Terminal } from '../terminal';

export function addWhy(program: Command, terminal: Terminal): void {
  const command = program
    .command('why')
    .summary('why an image or a blob is kept, or when it goes')
    .description('Why an image or a blob is kept, with the way from what keeps it; or when it goes.')
    .argument('<reference>', 'an image by any of its names, or the digest of a blob')
    .action(doing(terminal, explain));
  withExamples(command, [
    ['entrepot why node:20', 'the tag and the containers that keep it'],
    ['entrepot why sha256:3f2a9c0d…', 'of one layer: by which image'],
  ]);
}

async function explain(desk: Desk, [reference]: readonly string[]): Promise<void> {
  const why = await desk.warehouse.ask(WhySchema, 'GET', '/api/v1/why', { query: { reference } });
  const names = ({ roots }: Why) => roots.map(({ root, name }) => (name === null ? root : `${root} ${name}`));
  const table = (all: readonly Why[]) =>
    all
      .flatMap((each) => sentences(desk, each))
      .map((line) => `${line}\n`)
      .join('');
  showOne(desk.terminal, desk.output, { names, table }, why);
}

function sentences(desk: Desk, why: Why): string[] {
  const now = Date.now();
  const name = `${why.kind} ${shortId(desk, why.digest)}`;
  const end =
    why.goesAt === null ? [] : [`it goes ${formatMoment(why.goesAt, now)}, unless something happens meanwhile`];
  const bytes = why.purgedAt === null ? [] : [`its bytes leave the store ${formatMoment(why.purgedAt, now)}`];
  if (!why.kept) return [`nothing keeps ${name}`, ...end, ...bytes];
  return [
    `${name} is kept by`,
    ...why.roots.map((root) => `  ${rootLine(desk, root, now)}`),
    ...(why.moreRoots ? ['  … and others'] : []),
    ...end,
    ...bytes,
  ];
}

function rootLine(desk: Desk, { root, name, repository, until, path }: KeepingRoot, now: number): string {
  const place = repository === null ? '' : ` in ${repository}`;
  const way = path.length > 1 ? `: ${path.map(({ digest }) => shortId(desk, digest)).join(' → ')}` : '';
  const end = until === null ? '' : `, which ends ${formatMoment(until, now)}`;
  return `${ROOTS[root] ?? root}${name === null ? '' : ` ${name}`}${place}${end}${way}`;
}

const ROOTS: Readonly<Record<string, string>> = {
  tag: 'the tag',
  container: 'the container',
  operation: 'the operation',
  pin: 'the promise that it exists',
  trash: 'the undo window of',
  pull: 'its last pull',
  lease: 'somebody who reads it',
};
