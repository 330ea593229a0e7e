import type { Command } from 'commander';
import { z } from 'zod';
import { type Desk, doing, withExamples } from '../desk';
import { formatSize } from '../format-size';
import { formatFields } from '../format-table';
import { formatMoment } from '../format-time';
import { pasteImage } from '../paste-name';
import { type Face, showOne } from '../show';
import type { Terminal } from '../terminal';

const counted = <Item extends z.ZodType>(item: Item) => z.looseObject({ first: z.array(item), count: z.number() });
const member = z.looseObject({
  platform: z.string().nullable(),
  digest: z.string(),
  held: z.boolean(),
  complete: z.boolean(),
  size: z.number(),
});

/** What is shown of it; the whole is in JSON and YAML. */
const ImageDetailsSchema = z.looseObject({
  repository: z.string(),
  tag: z.string().nullable(),
  digest: z.string(),
  kind: z.string(),
  mediaType: z.string(),
  size: z.number(),
  complete: z.boolean(),
  tags: counted(z.looseObject({ repository: z.string(), tag: z.string() })),
  containers: counted(z.looseObject({ id: z.string(), name: z.string(), state: z.string() })),
  source: z.looseObject({ kind: z.string(), upstream: z.string().nullable() }),
  createdAt: z.string(),
  pulls: z.number(),
  pulledAt: z.string().nullable(),
  platforms: z.array(member),
  config: z
    .looseObject({
      created: z.string().nullable(),
      env: z.array(z.string()),
      entrypoint: z.array(z.string()),
      cmd: z.array(z.string()),
      workingDir: z.string(),
      user: z.string(),
      exposedPorts: z.array(z.string()),
      volumes: z.array(z.string()),
      labels: z.record(z.string(), z.string()),
      stopSignal: z.string().nullable(),
    })
    .nullable(),
  layers: z.array(z.looseObject({ digest: z.string(), size: z.number(), held: z.boolean() })),
});
type ImageDetails = z.output<typeof ImageDetailsSchema>;

export function addInspect(program: Command, terminal: Terminal): void {
  const command = program
    .command('inspect')
    .summary('everything that is known of an image')
    .description('Everything that is known of an image: its config, history and layers, its tags, what uses it.')
    .argument('<reference>', 'a name, a digest, an id or the beginning of one (at least four digits)')
    .option('--platform <platform>', 'which image of an index is looked into: linux/arm64')
    .action(doing<{ platform?: string }>(terminal, inspect));
  withExamples(command, [
    ['entrepot inspect node:22', 'as a person reads it'],
    ['entrepot inspect 3f2a9c0d1b7e --output json', 'all of it, for a program'],
  ]);
}

async function inspect(desk: Desk, [reference]: readonly string[], { platform }: { platform?: string }): Promise<void> {
  const query = { reference, platform };
  const image = await desk.warehouse.ask(ImageDetailsSchema, 'GET', '/api/v1/images/inspect', { query });
  showOne(desk.terminal, desk.output, inspectFace(desk), image);
}

function inspectFace(desk: Desk): Face<ImageDetails> {
  const { host } = desk.warehouse.base;
  const nameOf = ({ repository, tag, digest }: ImageDetails) =>
    pasteImage({ repository, tags: tag ? [tag] : [], digest }, host);
  return { names: nameOf, table: (images) => images.map((image) => formatFields(fieldsOf(image, host))).join('\n') };
}

function fieldsOf(image: ImageDetails, host: string) {
  const now = Date.now();
  const { config, source, tags, containers } = image;
  const from = source.upstream === null ? source.kind : `${source.kind} from ${source.upstream}`;
  return [
    ['Repository', image.repository],
    ['ID', image.digest],
    ['Kind', `${image.kind} (${image.mediaType})`],
    ['Size', `${formatSize(image.size)}${image.complete ? '' : ', not all of it is here'}`],
    ['Came', `${from}, ${formatMoment(image.createdAt, now)}`],
    ['Pulls', pullsText(image, now)],
    [
      'Tags',
      named(
        tags.first.map((at) => pasteImage({ ...at, tags: [at.tag], digest: '' }, host).join()),
        tags.count,
      ),
    ],
    [
      'Used by',
      named(
        containers.first.map(({ name, state }) => `${name} (${state})`),
        containers.count,
      ),
    ],
    ['Platforms', image.platforms.map(platformLine)],
    ['Entrypoint', config === null ? '' : shellLine(config.entrypoint)],
    ['Cmd', config === null ? '' : shellLine(config.cmd)],
    ['Env', config?.env ?? ''],
    ['Working dir', config?.workingDir ?? ''],
    ['User', config?.user ?? ''],
    ['Ports', config?.exposedPorts ?? ''],
    ['Volumes', config?.volumes ?? ''],
    ['Labels', Object.entries(config?.labels ?? {}).map(([key, value]) => `${key}=${value}`)],
    ['Stop signal', config?.stopSignal ?? ''],
    [
      'Layers',
      image.layers.map(({ digest, size, held }) => `${digest}  ${formatSize(size)}${held ? '' : ', not here'}`),
    ],
  ] as const;
}

/** Only what clients read is counted; what was fetched for a message counts as pulled then, too. */
function pullsText({ pulls, pulledAt }: ImageDetails, now: number): string {
  if (pulledAt === null) return '';
  return pulls > 0
    ? `${pulls}, the last ${formatMoment(pulledAt, now)}`
    : `none by clients; fetched ${formatMoment(pulledAt, now)}`;
}

const named = (first: readonly string[], count: number): string[] =>
  count > first.length ? [...first, `… and ${count - first.length} more`] : [...first];

const platformLine = ({ platform, held, complete, size }: z.output<typeof member>): string =>
  `${platform ?? 'unknown'}  ${!held ? 'not here' : complete ? formatSize(size) : `${formatSize(size)}, not all of it is here`}`;

/** What a person would type; words with anything else than plain characters are quoted. */
function shellLine(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}
