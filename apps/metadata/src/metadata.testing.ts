import { randomBytes, randomUUID } from 'node:crypto';
import type { RemoveBody } from '#contracts/bodies/remove';
import { CommitManifest, type Source } from '#contracts/calls/manifests';
import type { Operation } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import type { Digest } from '#oci/digest';
import { digestOf } from '#oci/digest';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from '#oci/media-type';
import { isRegistryError } from '#oci/registry-error';
import { parseRepositoryName, type RepositoryName } from '#oci/repository-name';
import { startTestDatabase } from '#testing/test-database';
import { AdoptObjectHandler } from './adoption/adopt-object.handler';
import { AdoptionStore } from './adoption/adoption.store';
import { BlobReferencesStore } from './blob/blob-references.store';
import { FillStore } from './blob/fill.store';
import { WantBlobHandler } from './blob/want-blob.handler';
import { ChangeContainerHandler } from './container/change-container.handler';
import { ContainerStore } from './container/container.store';
import { CreateContainerHandler } from './container/create-container.handler';
import { RemoveContainerHandler } from './container/remove-container.handler';
import { ReportContainersHandler } from './container/report-containers.handler';
import { Database } from './database/database';
import { HotClient } from './database/hot-client';
import { lockTags } from './database/locks';
import { PresenceStore } from './database/presence.store';
import { HotQuestions } from './hot/hot-questions';
import { ImageStore } from './image/image.store';
import { ImageNameStore } from './image/image-name.store';
import { releaseImages } from './image/release-image';
import { RemovalStore } from './image/removal.store';
import { RemoveImageHandler } from './image/remove-image.handler';
import { SharedLayersStore } from './image/shared-layers.store';
import { JournalStore } from './journal/journal.store';
import { CommitManifestHandler } from './manifest/commit-manifest.handler';
import { CopyImageHandler } from './manifest/copy-image.handler';
import { ManifestStore } from './manifest/manifest.store';
import { type MetadataConfig, MetadataConfigSchema } from './metadata.config';
import { knownRepository } from './names/repository.store';
import { RepositoryListStore } from './names/repository-list.store';
import { RollBackTagHandler } from './names/roll-back-tag.handler';
import { TagStore } from './names/tag.store';
import { TagImageHandler } from './names/tag-image.handler';
import { TagListStore } from './names/tag-list.store';
import { UntagHandler } from './names/untag.handler';
import { RowsCheck } from './object/check-rows';
import { ComposingStore } from './object/composing.store';
import { ObjectStore } from './object/object.store';
import { ObjectListStore } from './object/object-list.store';
import { PurgeStore } from './object/purge.store';
import { ScrubStore } from './object/scrub.store';
import { ImmediateWork } from './operation/immediate-work';
import { OperationStore } from './operation/operation.store';
import { OperationWorkStore } from './operation/operation-work.store';
import { PlanStore } from './prune/plan.store';
import { PruneHandler } from './prune/prune.handler';
import { PruneWorkStore } from './prune/prune-work.store';
import { BlobReviewStore } from './review/blob-review.store';
import { EndedStore } from './review/ended.store';
import { ManifestReviewStore } from './review/manifest-review.store';
import { queueManifestReviews } from './review/queue-reviews';
import { ReviewHandler } from './review/review.handler';
import { RunStore } from './run/run.store';
import { ConfiguredSchedules } from './schedule/configured-schedules';
import { FireSchedulesHandler } from './schedule/fire-schedules.handler';
import { ScheduleStore } from './schedule/schedule.store';
import { RestoreHandler } from './trash/restore.handler';
import { TrashStore } from './trash/trash.store';
import { FinishSessionHandler } from './upload/finish-session.handler';
import { SessionStore } from './upload/session.store';
import { UsageStore } from './usage/usage.store';
import { BlobReasonsStore } from './why/blob-reasons.store';
import { ImageReasonsStore } from './why/image-reasons.store';
import { WhyStore } from './why/why.store';

/** The stores over a database of their own, wired as the module wires them. */
export async function openMetadata(settings: Record<string, string | number> = {}) {
  const postgres = await startTestDatabase();
  const given = Object.entries(settings).map(([name, value]) => [name, String(value)]);
  const config = MetadataConfigSchema.parse({ DATABASE_URL: postgres.url, ...Object.fromEntries(given) });
  const database = await Database.open({ url: postgres.url, poolSize: 8, waitMs: 30_000 });
  const hotClient = new HotClient(config);
  const stop = async () => {
    await hotClient.onApplicationShutdown();
    await database.onApplicationShutdown();
    await postgres.stop();
  };
  return { postgres, config, database, hotClient, stop, ...wire(database, hotClient, config) };
}

export type Metadata = Awaited<ReturnType<typeof openMetadata>>;

/** Wires the stores over a database. */
export function wire(database: Database, hotClient: HotClient, config: MetadataConfig) {
  const tags = new TagStore(database, config);
  const names = new ImageNameStore(config);
  const copies = new CopyImageHandler(config);
  const creates = new CreateContainerHandler(names, config);
  const plans = new PlanStore(database, config);
  const immediate = new ImmediateWork(
    new TagImageHandler(names, copies, tags),
    new UntagHandler(names, config),
    new RollBackTagHandler(names, tags),
    new RestoreHandler(config),
    creates,
    new ChangeContainerHandler(),
    new RemoveContainerHandler(config),
    new ReportContainersHandler(names, config),
    new RemoveImageHandler(database, config),
    new PruneHandler(plans, config),
  );
  const presence = new PresenceStore(database, config);
  const operations = new OperationStore(database, new RemovalStore(names), immediate, config);
  const imageReasons = new ImageReasonsStore(config);
  const manifestReviews = new ManifestReviewStore(database, config);
  const blobReviews = new BlobReviewStore(database, config);
  const scrubs = new ScrubStore(database, config);
  return {
    tags,
    names,
    creates,
    containers: new ContainerStore(database, names),
    operations,
    work: new OperationWorkStore(database, config),
    images: new ImageStore(database),
    hot: new HotQuestions(hotClient, database, config),
    manifests: new ManifestStore(database),
    commits: new CommitManifestHandler(database, tags, config),
    fills: new FillStore(database, config),
    wants: new WantBlobHandler(database, config),
    sessions: new SessionStore(database, config),
    finishes: new FinishSessionHandler(database, config),
    objects: new ObjectStore(database, config),
    composings: new ComposingStore(database, config),
    scrubs,
    presence,
    reviews: new ReviewHandler(database, presence, manifestReviews, blobReviews),
    manifestReviews,
    blobReviews,
    purges: new PurgeStore(database, presence, config),
    ended: new EndedStore(database, config),
    objectList: new ObjectListStore(database),
    rows: new RowsCheck(database),
    journal: new JournalStore(database),
    adoption: new AdoptionStore(database, config),
    adoptions: new AdoptObjectHandler(database, config),
    plans,
    prunes: new PruneWorkStore(database, presence, config),
    runs: new RunStore(database, scrubs),
    schedules: new ScheduleStore(database, new ConfiguredSchedules()),
    firing: new FireSchedulesHandler(database, operations, presence),
    why: new WhyStore(database, names, imageReasons, new BlobReasonsStore(imageReasons, config)),
    trash: new TrashStore(database),
    tagLists: new TagListStore(database, names),
    repositoryLists: new RepositoryListStore(database),
    blobReferences: new BlobReferencesStore(database),
    sharedLayers: new SharedLayersStore(database, names),
    usage: new UsageStore(database, config),
  };
}

export const HUB: Source = { upstream: 'docker.io', credential: 'anonymous' };

export const repositoryName = (text: string): RepositoryName => parseRepositoryName(text);

export interface Bytes {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

export function someBytes(mediaType: string, size = 1000): Bytes {
  return { digest: digestOf(randomBytes(size)), size, mediaType };
}

export interface MadeManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly size: number;
  readonly blobs: readonly Bytes[];
}

function made(value: { mediaType: string }, blobs: readonly Bytes[]): MadeManifest {
  const bytes = Buffer.from(JSON.stringify(value));
  return { digest: digestOf(bytes), bytes, mediaType: value.mediaType, size: bytes.byteLength, blobs };
}

/** An image of these layers, or of two new ones. */
export function anImage(layers = [someBytes(OCI_LAYER_GZIP), someBytes(OCI_LAYER_GZIP)], more: object = {}) {
  const config = someBytes(OCI_CONFIG, 200);
  return made({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers, ...more } as never, [config, ...layers]);
}

export function anIndex(children: readonly MadeManifest[], more: object = {}): MadeManifest {
  const manifests = children.map(({ digest, size, mediaType }) => ({ digest, size, mediaType }));
  return made({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more } as never, []);
}

export interface FetchOptions {
  readonly source?: Source;
  readonly tag?: string;
  readonly askedMsAgo?: number;
  readonly fill?: boolean;
  readonly isPrivate?: boolean;
  readonly operation?: { id: string; epoch: number };
}

/** Commits a manifest as a fetcher does. */
export function fetchManifest(metadata: Metadata, repository: string, image: MadeManifest, options: FetchOptions = {}) {
  const { source = HUB, tag, askedMsAgo = 0, fill = true, isPrivate = false, operation } = options;
  return metadata.commits.commit(
    CommitManifest.question.parse({
      repository,
      source,
      digest: image.digest,
      mediaType: image.mediaType,
      bytes: image.bytes,
      fill,
      isPrivate,
      ...(tag === undefined ? {} : { tag: { name: tag, askedMsAgo } }),
      ...(operation === undefined ? {} : { operation }),
    }),
  );
}

/** Writes an upload's whole bytes as one extent, and finishes it. */
export async function writeWhole(metadata: Metadata, session: string, blob: { digest: Digest; size: number }) {
  const { epoch } = await metadata.sessions.take(session);
  if (blob.size > 0) await metadata.sessions.commitExtent(session, epoch, { offset: 0, length: blob.size, key: null });
  return metadata.finishes.finish({ session, epoch, digest: blob.digest, size: blob.size });
}

/** Runs every fill that is due to its good end. Answers their digests. */
export async function runFills(metadata: Metadata): Promise<Digest[]> {
  const claimed = await metadata.fills.claim('spec', 64);
  for (const fill of claimed) await writeWhole(metadata, fill.session, fill);
  return claimed.map((fill) => fill.digest);
}

/** A whole image, fetched with all its blobs. */
export async function fetchWhole(metadata: Metadata, repository: string, image: MadeManifest, options?: FetchOptions) {
  await fetchManifest(metadata, repository, image, options);
  await runFills(metadata);
}

/** A blob that a client pushed. Answers its object. */
export async function pushBlob(metadata: Metadata, repository: string, blob: { digest: Digest; size: number }) {
  const session = await metadata.sessions.open(repositoryName(repository), {});
  return writeWhole(metadata, session, blob);
}

export async function findBlob(metadata: Metadata, repository: string, digest: Digest) {
  const { blobs } = await metadata.hot.findBlobs({ blobs: [{ repository: repositoryName(repository), digest }] });
  return blobs[0] ?? null;
}

/** Reviews all that is due until nothing is. Answers what was condemned and removed. */
export async function reviewAll(metadata: Metadata): Promise<{ condemned: number; removed: number }> {
  const sum = { condemned: 0, removed: 0 };
  for (;;) {
    const { reviewed, condemned, removed } = await metadata.reviews.reviewDue(1000);
    sum.condemned += condemned;
    sum.removed += removed;
    if (reviewed === 0) return sum;
  }
}

/** Purges and forgets what is due, as gc and blobs do. Answers the objects. */
export async function purgeAll(metadata: Metadata): Promise<string[]> {
  const { objects } = await metadata.purges.claim(1000);
  await metadata.purges.forget(objects.map((each) => each.object));
  return objects.map((each) => each.object);
}

/** Takes a tag away, as a remove does. */
export async function untag(metadata: Metadata, repository: string, tag: string, reviewInMs = 0): Promise<void> {
  await metadata.database.transaction('metadata.untag-image', async (sql) => {
    const id = await knownRepository(sql, repository);
    await lockTags(sql, id, [tag]);
    const gone = await sql.query<{ digest: string }>(
      'DELETE FROM tag WHERE repository_id = $1 AND name = $2 RETURNING digest',
      [id, tag],
    );
    const digests = gone.map((row) => row.digest);
    await releaseImages(sql, id, digests);
    await queueManifestReviews(sql, id, digests, reviewInMs);
  });
}

/** Removes at once and for good, as somebody does who has read what goes. Answers the operation. */
export async function removeNow(metadata: Metadata, body: Partial<RemoveBody>): Promise<Operation> {
  const ask = (confirm: object) =>
    metadata.operations.accept({
      principal: ANONYMOUS,
      requestId: randomUUID(),
      kind: 'remove',
      body: { ...body, ...confirm, now: true },
    });
  try {
    return (await ask({})).operation;
  } catch (error) {
    if (!isRegistryError(error, 'PRECONDITION')) throw error;
    return (await ask({ confirm: (error.detail as { confirm: string }).confirm })).operation;
  }
}
