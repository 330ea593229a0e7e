import { Logger } from '@nestjs/common';
import fc from 'fast-check';
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

type Act = (metadata: Metadata) => Promise<unknown>;

const repository = fc.nat(REPOSITORIES.length - 1);
const image = fc.nat(IMAGES.length - 1);
const acts: fc.Arbitrary<{ name: string; act: Act }> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(repository, image, fc.option(fc.constantFrom(...TAGS)), fc.boolean()).map(commit) },
  { weight: 4, arbitrary: fc.nat(5).map(endFill) },
  { weight: 2, arbitrary: fc.tuple(repository, fc.constantFrom(...TAGS)).map(remove) },
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
const REFUSALS = new Set(['BLOB_UNKNOWN', 'NAME_UNKNOWN', 'UPSTREAM', 'STALE', 'BLOB_UPLOAD_UNKNOWN']);
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
      `DELETE FROM tag; UPDATE repository_manifest SET removed_at = now(); UPDATE fill SET state = 'failed',
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
