import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Image, ImageSchema } from '#contracts/calls/images';
import { type Desk, doing, limitOption, sayMore, several, shortId, withExamples } from '../desk';
import { formatSize, parseSize } from '../format-size';
import { formatMoment } from '../format-time';
import { pasteImage } from '../paste-name';
import { type Face, showList, tableOf } from '../show';
import type { Terminal } from '../terminal';
import { momentOf } from './moment-of';

interface Options {
  readonly tag?: string;
  readonly label?: readonly string[];
  readonly platform?: string;
  readonly dangling?: boolean;
  readonly used?: boolean;
  readonly unused?: boolean;
  readonly before?: string;
  readonly since?: string;
  readonly minSize?: number;
  readonly maxSize?: number;
  readonly sort?: string;
  readonly limit?: number;
}

export function addImages(program: Command, terminal: Terminal): void {
  const command = program
    .command('images')
    .summary('list what is held')
    .description('List the images that are held, narrowed and sorted. Sizes are of what is here of an image.')
    .argument(
      '[repository]',
      'only these, as they are stored: docker.io/library/node; * is anything but /, ** anything, ? one character',
    )
    .option('--tag <pattern>', 'only images with such a tag; * and ? stand for others')
    .option('--label <label>', 'only images with this label: key, or key=value; may be given several times', several)
    .option('--platform <platform>', 'only images for it: linux/arm64')
    .option('--dangling', 'only images without any tag')
    .option('--no-dangling', 'only images with a tag')
    .addOption(new Option('--used', 'only images that a container uses').conflicts('unused'))
    .addOption(new Option('--unused', 'only images that no container uses'))
    .option('--before <when>', 'came here before: 24h or 7d ago, 2026-01-31, or a moment of RFC 3339', momentOf)
    .option('--since <when>', 'came here then or later', momentOf)
    .option('--min-size <size>', 'at least so large: 500MB, 1.5GiB, or bytes', size)
    .option('--max-size <size>', 'at most so large', size)
    .addOption(
      new Option('--sort <by>', 'by name; or the newest, the last pulled, the largest first').choices([
        'name',
        'created',
        'pulled',
        'size',
      ]),
    )
    .addOption(limitOption())
    .action(doing<Options>(terminal, list));
  withExamples(command, [
    ['entrepot images', 'everything that is held'],
    ["entrepot images 'docker.io/library/*' --sort size --limit 10", 'the ten largest official images'],
    ['entrepot images --unused --before 30d --output name', 'what nobody uses and came a month ago, to be pasted'],
  ]);
}

async function list(desk: Desk, [repository]: readonly string[], options: Options): Promise<void> {
  const { tag, label, platform, dangling, used, unused, before, since, minSize, maxSize, sort, limit } = options;
  const inUse = used ? 'true' : unused ? 'false' : undefined;
  const query = { repository, tag, label, platform, before, since, minSize, maxSize, sort, inUse };
  const untagged = dangling === undefined ? {} : { dangling: String(dangling) };
  const { all, more } = await desk.warehouse.list(ImageSchema, '/api/v1/images', { ...query, ...untagged }, limit);
  showList(desk.terminal, desk.output, imagesFace(desk), all);
  sayMore(desk, more);
}

/** A row for each name, as people look for names; `<none>` where there is none. */
function imagesFace(desk: Desk): Face<Image> {
  const now = Date.now();
  const names = (image: Image) => pasteImage(image, desk.warehouse.base.host);
  const rows = tableOf<Image & { tag: string }>(
    [
      { title: 'REPOSITORY', text: ({ repository }) => repository },
      { title: 'TAG', text: ({ tag }) => tag },
      { title: 'ID', text: ({ id }) => shortId(desk, id) },
      { title: 'PLATFORMS', text: ({ platforms }) => platforms.join(',') },
      { title: 'SIZE', right: true, text: ({ size, complete }) => `${formatSize(size)}${complete ? '' : ' …'}` },
      { title: 'HERE SINCE', text: ({ createdAt }) => formatMoment(createdAt, now) },
      { title: 'LAST PULL', text: ({ pulledAt }) => formatMoment(pulledAt, now) },
    ],
    () => [],
  );
  const byName = (image: Image) => (image.tags.length > 0 ? image.tags : ['<none>']).map((tag) => ({ ...image, tag }));
  return { table: (images) => rows.table(images.flatMap(byName)), names };
}

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('It must be a size such as 500MB, 1.5GiB or 4096.');
  return bytes;
}
