import type { Command } from 'commander';
import type { z } from 'zod';
import { type SharedLayersSchema, SharingSchema } from '#contracts/calls/references';
import { type Desk, doing, limitOption, sayMore, shortId, withExamples } from '../desk';
import { formatSize } from '../format-size';
import { type Face, showList, tableOf } from '../show';
import type { Terminal } from '../terminal';
import { namesOf } from './blobs';

type Sharing = z.output<typeof SharingSchema>;
type Page = Partial<z.output<typeof SharedLayersSchema>>;

export function addLayers(program: Command, terminal: Terminal): void {
  const layers = program
    .command('layers')
    .summary('which images share layers')
    .description('Layers: what images are made of. One that several have is kept once.');
  const shared = layers
    .command('shared')
    .description('Which other images have layers of this one, and how many bytes both use.')
    .argument('<reference>', 'a name, a digest, an id or the beginning of one')
    .addOption(limitOption())
    .action(doing<{ limit?: number }>(terminal, list));
  withExamples(shared, [
    ['entrepot layers shared node:22', 'what would not be freed if node:22 went'],
    ['entrepot layers shared node:22 --output name', 'the names of the others'],
  ]);
}

async function list(desk: Desk, [reference]: readonly string[], { limit }: { limit?: number }): Promise<void> {
  const sharingOf = (page: unknown) => (page as Page | undefined)?.sharing;
  const { all, more } = await desk.warehouse.list(
    SharingSchema,
    '/api/v1/layers/shared',
    { reference },
    limit,
    sharingOf,
  );
  showList(desk.terminal, desk.output, sharingFace(desk), all);
  sayMore(desk, more);
}

function sharingFace(desk: Desk): Face<Sharing> {
  const { host } = desk.warehouse.base;
  const names = ({ digest, images }: Sharing) => images.flatMap((image) => namesOf(image, digest, host));
  return tableOf(
    [
      { title: 'MANIFEST', text: ({ digest }) => shortId(desk, digest) },
      { title: 'LAYERS', right: true, text: ({ layers }) => String(layers.length) },
      { title: 'SHARED', right: true, text: ({ bytes }) => formatSize(bytes) },
      { title: 'IMAGES', text: (sharing) => names(sharing).join(', ') },
    ],
    names,
  );
}
