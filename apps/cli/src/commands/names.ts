import { type Command, InvalidArgumentError, Option } from 'commander';
import { type TagOutcome, TagOutcomeSchema } from '#contracts/bodies/tag';
import { HeldTagSchema, RepositorySchema, TagMoveSchema } from '#contracts/calls/names';
import { isDigest } from '#oci/digest';
import { asked, type Desk, doing, limitOption, sayMore, shortId, withExamples } from '../desk';
import { formatSize } from '../format-size';
import { formatMoment } from '../format-time';
import { pasteName } from '../paste-name';
import { type Face, showList, showOne, tableOf } from '../show';
import type { Terminal } from '../terminal';

interface Expecting {
  readonly expected?: string;
  readonly new?: boolean;
}

export function addNames(program: Command, terminal: Terminal): void {
  addRepositories(program, terminal);
  addTags(program, terminal);
  addHistory(program, terminal);
  addTag(program, terminal);
  addUntag(program, terminal);
  addRollback(program, terminal);
}

function addRepositories(program: Command, terminal: Terminal): void {
  const command = program
    .command('repositories')
    .summary('list repositories')
    .description('List repositories, with what was counted of each.')
    .argument('[name]', 'only those that match: docker.io/library/*, team/*')
    .addOption(new Option('--kind <kind>', "only our own, or only upstreams'").choices(['local', 'upstream']))
    .option('--upstream <host>', 'only those of this registry, such as docker.io')
    .addOption(new Option('--private', 'only those that were fetched with a credential').conflicts('public'))
    .option('--public', 'only the others')
    .addOption(limitOption())
    .action(doing<RepositoryOptions>(terminal, listRepositories));
  withExamples(command, [["entrepot repositories 'team/*'", 'our own ones below team']]);
}

interface RepositoryOptions {
  readonly kind?: string;
  readonly upstream?: string;
  readonly private?: boolean;
  readonly public?: boolean;
  readonly limit?: number;
}

async function listRepositories(desk: Desk, [name]: readonly string[], options: RepositoryOptions): Promise<void> {
  const { kind, upstream, limit } = options;
  const isPrivate = options.private ? 'true' : options.public ? 'false' : undefined;
  const query = { name, kind, upstream, private: isPrivate };
  const { all, more } = await desk.warehouse.list(RepositorySchema, '/api/v1/repositories', query, limit);
  const now = Date.now();
  const face = tableOf<(typeof all)[number]>(
    [
      { title: 'REPOSITORY', text: (at) => at.name },
      { title: 'MANIFESTS', right: true, text: ({ counted }) => String(counted?.manifests ?? '') },
      { title: 'TAGS', right: true, text: ({ counted }) => String(counted?.tags ?? '') },
      { title: 'SIZE', right: true, text: ({ counted }) => (counted ? formatSize(counted.bytes) : '') },
      { title: 'UNIQUE', right: true, text: ({ counted }) => (counted ? formatSize(counted.uniqueBytes) : '') },
      { title: 'LAST PULL', text: ({ counted }) => formatMoment(counted?.pulledAt, now) },
    ],
    (at) => [at.name],
  );
  showList(desk.terminal, desk.output, face, all);
  sayMore(desk, more);
}

function addTags(program: Command, terminal: Terminal): void {
  const command = program
    .command('tags')
    .summary('list the tags of a repository')
    .description('List the tags of a repository: what each names, since when, by whom.')
    .argument('<repository>', 'as it is stored: docker.io/library/node, team/app')
    .option('--name <pattern>', 'only those that match: 22-*')
    .addOption(limitOption())
    .action(doing<{ name?: string; limit?: number }>(terminal, listTags));
  withExamples(command, [["entrepot tags docker.io/library/node --name '22*'", 'those that begin with 22']]);
}

async function listTags(
  desk: Desk,
  [repository]: readonly string[],
  { name, limit }: { name?: string; limit?: number },
): Promise<void> {
  const { all, more } = await desk.warehouse.list(HeldTagSchema, '/api/v1/tags', { repository, name }, limit);
  const now = Date.now();
  const face = tableOf<(typeof all)[number]>(
    [
      { title: 'TAG', text: (tag) => tag.name },
      { title: 'ID', text: ({ digest }) => shortId(desk, digest) },
      { title: 'MOVED', text: ({ movedAt }) => formatMoment(movedAt, now) },
      { title: 'BY', text: ({ movedBy }) => movedBy ?? '' },
      { title: 'CONFIRMED', text: ({ confirmedAt }) => formatMoment(confirmedAt, now) },
    ],
    (tag) => [`${pasteName(tag.repository, desk.warehouse.base.host)}:${tag.name}`],
  );
  showList(desk.terminal, desk.output, face, all);
  sayMore(desk, more);
}

function addHistory(program: Command, terminal: Terminal): void {
  const command = program
    .command('tag-history')
    .summary('what a tag named before')
    .description('What a tag named, the newest first, also after it was taken away; and whether it can go back there.')
    .argument('<reference>', 'the tag, as one types it: node:22, localhost:5050/team/app:1')
    .addOption(limitOption())
    .action(doing<{ limit?: number }>(terminal, listMoves));
  withExamples(command, [
    ['entrepot tag-history localhost:5050/team/app:prod', 'every image that prod was, since when, and who moved it'],
  ]);
}

async function listMoves(desk: Desk, [reference]: readonly string[], { limit }: { limit?: number }): Promise<void> {
  const { all, more } = await desk.warehouse.list(TagMoveSchema, '/api/v1/tags/history', { reference }, limit);
  const now = Date.now();
  const face = tableOf<(typeof all)[number]>(
    [
      { title: 'MOVED', text: ({ movedAt }) => formatMoment(movedAt, now) },
      { title: 'FROM', text: ({ from }) => (from === null ? '(new)' : shortId(desk, from)) },
      { title: 'TO', text: ({ to }) => (to === null ? '(taken away)' : shortId(desk, to)) },
      { title: 'BY', text: ({ movedBy }) => movedBy },
      { title: 'HELD', text: ({ to, held }) => (to === null ? '' : held ? 'yes' : 'no') },
    ],
    ({ to }) => (to === null ? [] : [to]),
  );
  showList(desk.terminal, desk.output, face, all);
  sayMore(desk, more);
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
