import { type Command, InvalidArgumentError, Option } from 'commander';
import { type TagOutcome, TagOutcomeSchema } from '#contracts/bodies/tag';
import { isDigest } from '#oci/digest';
import { asked, type Desk, doing, shortId, withExamples } from '../desk';
import { pasteName } from '../paste-name';
import { type Face, showOne } from '../show';
import type { Terminal } from '../terminal';

interface Expecting {
  readonly expected?: string;
  readonly new?: boolean;
}

/** The verbs that have a tag name something else: another image, none, or what it named before. */
export function addTagMoves(program: Command, terminal: Terminal): void {
  addTag(program, terminal);
  addUntag(program, terminal);
  addRollback(program, terminal);
}

const expectedOption = () =>
  new Option('--expected <digest>', 'only if the tag names this now; else nothing is done (exit code 5)').argParser(
    digest,
  );

function addTag(program: Command, terminal: Terminal): void {
  const command = program
    .command('tag')
    .summary('give an image a name')
    .description('Give an image that is here a name of this installation, or move that name to it.')
    .argument('<source>', 'an image that is here: a name, a digest, an id or the beginning of one')
    .argument('<target>', 'the name: localhost:5050/team/app:1')
    .addOption(expectedOption().conflicts('new'))
    .option('--new', 'only if there is no such tag yet')
    .action(doing<Expecting>(terminal, tag));
  withExamples(command, [
    ['entrepot tag node:22 localhost:5050/team/node:stable', 'a name of our own for an image of docker.io'],
    ['entrepot tag 3f2a9c0d1b7e localhost:5050/team/app:1.0 --new', 'unless 1.0 is there already'],
  ]);
}

async function tag(desk: Desk, [source, target]: readonly string[], expecting: Expecting): Promise<void> {
  await move(desk, 'PUT', '/api/v1/tags', { body: { source, target } }, expecting);
}

function addUntag(program: Command, terminal: Terminal): void {
  const command = program
    .command('untag')
    .summary('take a name away')
    .description('Take a name away. The image stays, for as long as untagged ones do.')
    .argument('<reference>', 'the name: a repository and a tag')
    .addOption(expectedOption())
    .action(doing<Expecting>(terminal, untag));
  withExamples(command, [['entrepot untag localhost:5050/team/app:old', 'the image keeps its other names']]);
}

async function untag(desk: Desk, [reference]: readonly string[], expecting: Expecting): Promise<void> {
  await move(desk, 'DELETE', '/api/v1/tags', { query: { reference } }, expecting);
}

function addRollback(program: Command, terminal: Terminal): void {
  const command = program
    .command('rollback')
    .summary('have a tag name what it named before')
    .description('Have a tag name again what it named before.')
    .argument('<reference>', 'the tag: localhost:5050/team/app:prod')
    .addOption(
      new Option('--to <digest>', 'what it named once; without it, what it named before it last moved').argParser(
        digest,
      ),
    )
    .addOption(expectedOption())
    .action(doing<Expecting & { to?: string }>(terminal, rollBack));
  withExamples(command, [['entrepot rollback localhost:5050/team/app:prod', 'the deployment before this one']]);
}

async function rollBack(
  desk: Desk,
  [reference]: readonly string[],
  options: Expecting & { to?: string },
): Promise<void> {
  const { to, ...expecting } = options;
  const body = to === undefined ? { reference } : { reference, to };
  await move(desk, 'POST', '/api/v1/tags/rollback', { body }, expecting);
}

async function move(desk: Desk, method: string, path: string, ask: object, expecting: Expecting): Promise<void> {
  const condition = {
    ...(expecting.expected === undefined ? {} : { 'If-Match': `"${expecting.expected}"` }),
    ...(expecting.new ? { 'If-None-Match': '*' } : {}),
  };
  const moved = await desk.warehouse.ask(TagOutcomeSchema, method, path, { ...ask, ...asked(condition) });
  showOne(desk.terminal, desk.output, movedFace(desk), moved);
}

function movedFace(desk: Desk): Face<TagOutcome> {
  const name = ({ repository, tag }: TagOutcome) => `${pasteName(repository, desk.warehouse.base.host)}:${tag}`;
  const sentence = (moved: TagOutcome) => {
    const [from, to] = [moved.from, moved.to].map((at) => (at === null ? null : shortId(desk, at)));
    if (to === null) return `${name(moved)} is taken away; it named ${from}`;
    if (moved.from === moved.to) return `${name(moved)} names ${to} already`;
    return `${name(moved)} names ${to}${from === null ? '' : `; before, it named ${from}`}`;
  };
  return { names: (moved) => [name(moved)], table: (all) => all.map((moved) => `${sentence(moved)}\n`).join('') };
}

function digest(text: string): string {
  if (isDigest(text)) return text;
  throw new InvalidArgumentError('It must be a whole digest: sha256: and 64 hex digits.');
}
