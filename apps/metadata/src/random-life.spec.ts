import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import type { TrashEntry } from '#contracts/calls/trash';
import type { OperationKind } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import type { RegistryError } from '#oci/registry-error';
import {
  anImage,
  anIndex,
  fetchManifest,
  findBlob,
  type MadeManifest,
  type Metadata,
  openMetadata,
  purgeAll,
  pushBlob,
  removeNow,
  repositoryName,
  reviewAll,
  someBytes,
  untag,
  writeWhole,
} from './metadata.testing';

const REPOSITORIES = ['docker.io/library/a', 'docker.io/library/b', 'quay.io/corp/c'] as const;
const SOURCES = [
  { upstream: 'docker.io', credential: 'anonymous' },
  { upstream: 'docker.io', credential: 'anonymous' },
  { upstream: 'quay.io', credential: 'secret' },
] as const;
const TAGS = ['x', 'y'] as const;

const LAYERS = Array.from({ length: 4 }, () => someBytes(OCI_LAYER_GZIP));
const CHILDREN = [anImage([LAYERS[0]!, LAYERS[1]!]), anImage([LAYERS[1]!, LAYERS[2]!]), anImage([LAYERS[3]!])];
const IMAGES: MadeManifest[] = [
  ...CHILDREN,
  anIndex([CHILDREN[0]!, CHILDREN[1]!]),
  anIndex([CHILDREN[1]!, CHILDREN[2]!]),
  anImage([LAYERS[0]!], { subject: { digest: CHILDREN[0]!.digest, size: 1, mediaType: 'a/b' } }),
];

const OURS = 'localhost:5050/team/app';
const NAMES = [...TAGS.map((tag) => `${OURS}:${tag}`), ...IMAGES.map(({ digest }) => digest)];
const SOURCES_OF_OURS = REPOSITORIES.flatMap((name) => TAGS.map((tag) => `${name}:${tag}`));

type Act = (metadata: Metadata) => Promise<unknown>;

const repository = fc.nat(REPOSITORIES.length - 1);
const image = fc.nat(IMAGES.length - 1);
const acts: fc.Arbitrary<{ name: string; act: Act }> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(repository, image, fc.option(fc.constantFrom(...TAGS)), fc.boolean()).map(commit) },
  { weight: 4, arbitrary: fc.nat(5).map(endFill) },
  { weight: 2, arbitrary: fc.tuple(repository, fc.constantFrom(...TAGS)).map(remove) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...SOURCES_OF_OURS), fc.constantFrom(...TAGS)).map(give) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...NAMES), fc.nat(3)).map(takeAway) },
  { weight: 3, arbitrary: fc.nat(5).map(restore) },
  { weight: 1, arbitrary: fc.constant({ name: 'end undo windows', act: (m: Metadata) => m.database.read(END_TRASH) }) },
  { weight: 2, arbitrary: fc.nat(LAYERS.length - 1).map(push) },
  { weight: 2, arbitrary: fc.tuple(repository, fc.nat(LAYERS.length - 1)).map(find) },
  { weight: 1, arbitrary: fc.tuple(repository, fc.nat(LAYERS.length - 1)).map(want) },
  { weight: 1, arbitrary: fc.nat(LAYERS.length - 1).map(lose) },
  { weight: 1, arbitrary: fc.constant({ name: 'end pins', act: (m: Metadata) => m.database.read(END_PINS) }) },
  { weight: 3, arbitrary: fc.constant({ name: 'review', act: (m: Metadata) => reviewAll(m) }) },
  { weight: 2, arbitrary: fc.constant({ name: 'purge', act: (m: Metadata) => purgeAll(m) }) },
);

const END_PINS = `UPDATE pin SET until = now() - interval '1 second'; UPDATE review SET due_at = now() WHERE kind = 'blob'`;

function commit([at, which, tag, fill]: [number, number, string | null, boolean]) {
  const options = { source: SOURCES[at]!, fill, isPrivate: at === 2, ...(tag === null ? {} : { tag }) };
  return {
    name: `commit ${which} in ${at} as ${tag}, fill ${fill}`,
    act: (m: Metadata) => fetchManifest(m, REPOSITORIES[at]!, IMAGES[which]!, options),
  };
}

/** A good end, a wrong one, or an upload that is dropped. */
function endFill(how: number) {
  const error = { code: 'UPSTREAM', message: 'spec' };
  return {
    name: `end a fill: ${how}`,
    act: async (m: Metadata) => {
      const [fill] = await m.fills.claim('spec', 1);
      if (!fill) return;
      if (how > 1) await writeWhole(m, fill.session, fill);
      else await m.fills.fail(fill.id, fill.epoch, { error, temporary: how === 0, discard: true, giveBack: false });
    },
  };
}

function remove([at, tag]: [number, string]) {
  return { name: `remove ${tag} in ${at}`, act: (m: Metadata) => untag(m, REPOSITORIES[at]!, tag) };
}

async function ask(m: Metadata, kind: OperationKind, body: object) {
  const asked = { principal: ANONYMOUS, requestId: randomUUID(), kind, body: { ...body } };
  return (await m.operations.accept(asked)).operation;
}

function give([source, tag]: [string, string]) {
  return {
    name: `tag ${source} as ours ${tag}`,
    act: (m: Metadata) => ask(m, 'tag', { source, target: `${OURS}:${tag}` }),
  };
}

/** As it is, forced, or for good. */
function takeAway([reference, how]: [string, number]) {
  const act = (m: Metadata) =>
    how === 3 ? removeNow(m, { reference, force: true }) : ask(m, 'remove', { reference, force: how > 0 });
  return { name: `remove ${reference}: ${how}`, act };
}

/** What is restored has every tag that was taken away, and every byte that was there; or nothing has changed. */
function restore(nth: number) {
  const act = async (m: Metadata) => {
    const { entries } = await m.trash.list({ limit: 10 });
    const entry = entries[nth % Math.max(entries.length, 1)];
    if (!entry) return;
    const before = await readNames(m);
    const refused = await ask(m, 'restore', { id: entry.id }).catch((error: RegistryError) => error);
    if (refused instanceof Error) return refuse(refused);
    if (isAlone) expect(await readNames(m)).toEqual({ ...before, ...named(entry) });
    const missing = await m.database.read(MISSING, [entry.repository, entry.digest]);
    expect(missing).toEqual([]);
  };
  return { name: `restore the ${nth}th`, act };
}

const named = ({ tags, digest }: TrashEntry) => Object.fromEntries(tags.map((tag) => [tag, digest]));

async function readNames(m: Metadata): Promise<Record<string, string>> {
  const tags = await m.database.read<{ name: string; digest: string }>(
    `SELECT tag.name, digest FROM tag JOIN repository ON repository.id = repository_id WHERE repository.name = 'team/app'`,
  );
  return Object.fromEntries(tags.map(({ name, digest }) => [name, digest]));
}

/** Blobs of an image that its repository has the right to, and whose bytes nobody lost, and that are not here. */
const MISSING = `
  SELECT listed.digest FROM repository_manifest AS visible JOIN repository ON repository.id = repository_id
  JOIN manifest_blob AS listed ON listed.manifest = visible.digest AND required
  LEFT JOIN blob ON blob.digest = listed.digest
  WHERE repository.name = $1 AND visible.digest = $2 AND (held IS NULL OR blob.digest IS NULL)`;

const END_TRASH = `UPDATE trash SET until = now() - interval '1 second'; UPDATE review SET due_at = now()`;

/** Whether one thing happens after the other: what else changes a name meanwhile changes what is found. */
let isAlone = true;

function push(layer: number) {
  return { name: `push ${layer}`, act: (m: Metadata) => pushBlob(m, 'team/app', LAYERS[layer]!) };
}

function find([at, layer]: [number, number]) {
  return {
    name: `find ${layer} in ${at}`,
    act: (m: Metadata) => findBlob(m, REPOSITORIES[at]!, LAYERS[layer]!.digest),
  };
}

function want([at, layer]: [number, number]) {
  const name = repositoryName(REPOSITORIES[at]!);
  return { name: `want ${layer} in ${at}`, act: (m: Metadata) => m.wants.want(name, LAYERS[layer]!.digest, true) };
}

function lose(layer: number) {
  return {
    name: `lose ${layer}`,
    act: async (m: Metadata) => {
      const [blob] = await m.database.read<{ object_id: string }>('SELECT object_id FROM blob WHERE digest = $1', [
        LAYERS[layer]!.digest,
      ]);
      if (blob) await m.objects.markLost(blob.object_id, 'spec');
    },
  };
}

/** What a caller may be told. */
const REFUSALS = new Set([
  ...['BLOB_UNKNOWN', 'NAME_UNKNOWN', 'UPSTREAM', 'STALE', 'BLOB_UPLOAD_UNKNOWN'],
  ...['NOT_FOUND', 'CONFLICT', 'GONE', 'PRECONDITION'],
]);
const refuse = (error: RegistryError) => {
  if (!REFUSALS.has(error.code)) throw error;
};

describe('whatever happens in whatever order', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    Logger.overrideLogger(false);
    metadata = await openMetadata({
      ENTREPOT_REVIEW_DELAY_MS: 0,
      ENTREPOT_GRACE_MS: 0,
      ENTREPOT_KEEP_PULLED_MS: 0,
      ENTREPOT_BACKOFF_MS: 1,
      ENTREPOT_BACKOFF_LONGEST_MS: 1,
      ENTREPOT_PURGE_CLAIM_MS: 1,
    });
  });
  afterAll(() => metadata?.stop());

  const empty = () => metadata.database.read('TRUNCATE repository, manifest, object, review, outbox CASCADE');

  async function leavesNothing(): Promise<void> {
    await metadata.database.read(
      `DELETE FROM tag; UPDATE trash SET until = now(); UPDATE repository_manifest SET removed_at = now(); UPDATE fill SET state = 'failed',
        ended_at = now(), error = '{}' WHERE state IN ('wanted', 'running');
       UPDATE upload_session SET expires_at = now() - interval '1 second';
       INSERT INTO review (kind, repository_id, digest, due_at)
         SELECT 'manifest', repository_id, digest, now() FROM repository_manifest
         ON CONFLICT (kind, repository_id, digest) DO UPDATE SET due_at = now(); ${END_PINS}`,
    );
    await reviewAll(metadata);
    while ((await purgeAll(metadata)).length > 0);
    for (const table of ['manifest', 'repository_manifest', 'blob', 'repository_blob', 'object', 'extent', 'review'])
      expect([table, await metadata.database.read(`SELECT * FROM ${table}`)]).toEqual([table, []]);
  }

  it('no rule of rows is broken, and nothing is left when nothing is wanted any more', async () => {
    await fc.assert(
      fc
        .asyncProperty(fc.array(acts, { minLength: 5, maxLength: 30 }), async (sequence) => {
          isAlone = true;
          for (const { act } of sequence) await act(metadata).catch(refuse);
          expect(await metadata.rows.check()).toEqual([]);
          await leavesNothing();
        })
        .beforeEach(empty),
      { numRuns: 25, endOnFailure: true },
    );
  });

  it('nor where they happen at once', async () => {
    await fc.assert(
      fc
        .asyncProperty(fc.array(acts, { minLength: 6, maxLength: 24 }), async (sequence) => {
          isAlone = false;
          for (let at = 0; at < sequence.length; at += 6)
            await Promise.all(sequence.slice(at, at + 6).map(({ act }) => act(metadata).catch(refuse)));
          expect(await metadata.rows.check()).toEqual([]);
          await leavesNothing();
        })
        .beforeEach(empty),
      { numRuns: 25, endOnFailure: true },
    );
  });
});
