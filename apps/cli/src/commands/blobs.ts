import type { Command } from 'commander';
import { type BlobReferences, BlobReferencesSchema } from '#contracts/calls/references';
import { type Desk, doing, shortId, withExamples } from '../desk';
import { formatSize } from '../format-size';
import { formatFields } from '../format-table';
import { formatMoment } from '../format-time';
import { pasteImage } from '../paste-name';
import { type Face, showOne } from '../show';
import type { Terminal } from '../terminal';

type Shown = BlobReferences['manifests'][number]['images'][number];

export function addBlobs(program: Command, terminal: Terminal): void {
  const blobs = program
    .command('blobs')
    .summary('who refers to a blob, and what keeps it')
    .description('Blobs: layers and configs, each kept once however many images have it.');
  const inspect = blobs
    .command('inspect')
    .description('What is known of a blob: who may read it, which images list it, and what keeps it.')
    .argument('<digest>', 'as entrepot inspect and history --no-trunc show it: sha256: and 64 hex digits')
    .action(doing(terminal, read));
  withExamples(inspect, [
    ['entrepot blobs inspect sha256:3f2a9c0d…', 'which images have this layer'],
    ['entrepot blobs inspect sha256:3f2a9c0d… --output name', 'their names, for other commands'],
  ]);
}

async function read(desk: Desk, [digest = '']: readonly string[]): Promise<void> {
  const path = `/api/v1/blobs/${encodeURIComponent(digest)}`;
  showOne(desk.terminal, desk.output, blobFace(desk), await desk.warehouse.ask(BlobReferencesSchema, 'GET', path));
}

function blobFace(desk: Desk): Face<BlobReferences> {
  const { host } = desk.warehouse.base;
  const names = ({ manifests }: BlobReferences) => [
    ...new Set(manifests.flatMap(({ digest, images }) => images.flatMap((image) => namesOf(image, digest, host)))),
  ];
  return { names, table: (all) => all.map((blob) => formatFields(fieldsOf(desk, blob))).join('\n') };
}

/** The names of the image that a manifest is, or of the index that it is part of. */
export function namesOf({ repository, tags, index }: Shown, digest: string, host: string): string[] {
  return pasteImage({ repository, tags, digest: index ?? digest }, host);
}

const STATES: Readonly<Record<BlobReferences['state'], string>> = {
  held: 'held',
  lost: 'lost: its bytes should be here',
  condemned: 'condemned: nothing needs it',
  coming: 'coming: it is being fetched',
  absent: 'absent: it was never fetched',
};

function fieldsOf(desk: Desk, blob: BlobReferences) {
  const now = Date.now();
  const { host } = desk.warehouse.base;
  const more = (isMore: boolean) => (isMore ? ['… and others'] : []);
  return [
    ['Blob', blob.digest],
    ['Size', formatSize(blob.size)],
    ['State', STATES[blob.state]],
    ['Stored', formatMoment(blob.storedAt, now)],
    ['Goes', formatMoment(blob.goesAt, now)],
    [
      'Read in',
      [
        ...blob.repositories.map(({ repository, since }) => `${repository}, since ${formatMoment(since, now)}`),
        ...more(blob.repositoriesMore),
      ],
    ],
    ['Listed by', [...blob.manifests.map((each) => listedBy(desk, each, host)), ...more(blob.manifestsMore)]],
    ['Kept by', [...blob.keptBy.map((each) => keptBy(desk, each, now)), ...more(blob.keptByMore)]],
    ['Looked at', formatMoment(blob.reviewAt, now)],
  ] as const;
}

function listedBy(desk: Desk, manifest: BlobReferences['manifests'][number], host: string): string {
  const { digest, role, holds, images } = manifest;
  const names = images.flatMap((image) => namesOf(image, digest, host));
  const has = holds ? 'which holds it' : 'which does not have it';
  return `manifest ${shortId(desk, digest)} as its ${role}, ${has}${names.length > 0 ? `: ${names.join(', ')}` : ''}`;
}

function keptBy(desk: Desk, keeper: BlobReferences['keptBy'][number], now: number): string {
  if (keeper.kind === 'manifest') return `manifest ${shortId(desk, keeper.digest)}`;
  const until = `which ends ${formatMoment(keeper.until, now)}`;
  return keeper.kind === 'pin'
    ? `the promise that it exists in ${keeper.repository}, ${until}`
    : `somebody who reads it, ${until}`;
}
