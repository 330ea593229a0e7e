import { Inject, Injectable } from '@nestjs/common';
import { Calls } from '#calls/calls';
import type { PullBody } from '#contracts/bodies/pull';
import { CompletePull, ResolveOperation } from '#contracts/calls/operations';
import type { Digest } from '#oci/digest';
import { manifestReferences } from '#oci/manifest';
import { hostPlatform, type Platform, parsePlatform } from '#oci/platform';
import { dockerReference, parseReference } from '#oci/reference';
import { referencedRepository } from '#oci/referenced-repository';
import { invalidField, type RegistryError, upstreamFault } from '#oci/registry-error';
import type { RepositoryName } from '#oci/repository-name';
import type { Tag } from '#oci/tag';
import { splitRepositoryName } from '#oci/upstream-name';
import { FETCHER_CONFIG, type FetcherConfig } from '../fetcher.config';
import type { FetchedManifest } from '../upstream/read-fetched-manifest';
import { Upstreams } from '../upstream/upstreams';
import { heldImage } from './held-image';
import { type FetchedRepository, ManifestHandler } from './manifest.handler';
import { planFetch } from './plan-fetch';
import { BlobWait, type WaitingOperation } from './wait-for-blobs';

export interface PullOperation extends WaitingOperation, PullBody {}

interface Named {
  readonly repository: FetchedRepository;
  readonly tag: Tag | null;
  readonly digest: Digest | undefined;
}

/** A pull that only waits for its layers: nothing else of its manifests is kept meanwhile. */
export interface ResolvedPull {
  readonly operation: PullOperation;
  readonly repository: RepositoryName;
  readonly tag: Tag | null;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly blobs: ReadonlySet<string>;
  /** When the upstream was asked what the tag names, by `performance.now()`. */
  readonly askedAt: number;
}

/** What one pull works on. */
interface Pull {
  readonly operation: PullOperation;
  readonly repository: FetchedRepository;
  /** The digests of the blobs that it waits for. */
  readonly blobs: Set<string>;
  readonly signal: AbortSignal;
}

/** An index of indexes of indexes is nobody's image. */
const DEEPEST_INDEX = 3;
const CHILDREN_AT_ONCE = 4;

/** One pull, from its reference to its end. */
@Injectable()
export class ImagePull {
  private readonly host: Platform;

  constructor(
    private readonly calls: Calls,
    private readonly upstreams: Upstreams,
    private readonly manifests: ManifestHandler,
    private readonly wait: BlobWait,
    @Inject(FETCHER_CONFIG) private readonly config: FetcherConfig,
  ) {
    const { ENTREPOT_HOST_PLATFORM: asked } = config;
    this.host = asked === undefined ? hostPlatform(process.arch, 'linux') : parsePlatform(asked);
  }

  /**
   * Has every manifest of the pull committed, and answers what is left to wait for; null where the operation is
   * completed already. Throws RegistryError: what it is to fail with.
   */
  async resolve(operation: PullOperation, signal: AbortSignal): Promise<ResolvedPull | null> {
    this.wait.report(operation, { phase: 'resolving', bytesDone: 0, bytesTotal: 0, missing: 0 });
    const named = await this.name(operation.reference);
    const pull: Pull = { operation, repository: named.repository, blobs: new Set(), signal };
    const { top, askedAt } = await this.readTop(named, signal);
    if (await this.completeHeld(pull, named, top, askedAt)) return null;
    await this.commit(pull, top);
    const { id, epoch } = operation;
    const image = { repository: pull.repository.name, tag: named.tag, digest: top.digest };
    await this.calls.ask(ResolveOperation, { id, epoch, ...image });
    await this.fetchChildren(pull, top, 1);
    return { operation, ...image, mediaType: top.mediaType, blobs: pull.blobs, askedAt };
  }

  /** Waits for the blobs, and completes the operation. Throws RegistryError or FailedFill: what it is to fail with. */
  async complete(resolved: ResolvedPull, signal: AbortSignal): Promise<void> {
    const { operation, blobs, askedAt, ...image } = resolved;
    const { id, epoch } = operation;
    const { repository, digest } = image;
    for (let completed = false; !completed; ) {
      const size = await this.wait.all(operation, blobs, signal);
      const tag = image.tag === null ? null : { name: image.tag, askedMsAgo: performance.now() - askedAt };
      const outcome = { ...image, size };
      ({ completed } = await this.calls.ask(CompletePull, { id, epoch, repository, digest, tag, outcome }));
    }
  }

  /** An image that is here whole is done in one commit. Answers whether it is. */
  private async completeHeld(
    { operation, repository, signal }: Pull,
    { tag }: Named,
    top: FetchedManifest,
    askedAt: number,
  ) {
    const { id, epoch, platforms } = operation;
    // What is named by its digest lives by being committed again.
    if (tag === null || !top.isHeld) return false;
    const readHeld = async (digest: Digest) => {
      if (digest === top.digest) return top.manifest;
      return (await this.manifests.readHeld(repository, digest, this.limit(signal)))?.manifest;
    };
    const image = await heldImage(top.digest, readHeld, (index) => planFetch(index, platforms, this.host));
    if (image === null) return false;
    const { digest, mediaType } = top;
    const { completed } = await this.calls.ask(CompletePull, {
      id,
      epoch,
      repository: repository.name,
      tag: { name: tag, askedMsAgo: performance.now() - askedAt },
      digest,
      outcome: { repository: repository.name, tag, digest, mediaType, size: image.size },
      held: { source: repository.source, manifests: image.manifests },
    });
    return completed;
  }

  /** A digest is what Docker pulls where there are both: no tag is moved then. */
  private async name(text: string): Promise<Named> {
    const reference = dockerReference(parseReference(text));
    const name = referencedRepository(reference, this.upstreams.naming);
    if (splitRepositoryName(name, this.upstreams.domains).kind === 'local') throw local(reference.domain);
    return { repository: await this.manifests.open(name), tag: reference.tag ?? null, digest: reference.digest };
  }

  /** Whoever pulls a tag wants what it names now: a question that was sent before tells what it named. */
  private async readTop({ repository, tag, digest }: Named, signal: AbortSignal) {
    const named =
      tag === null ? { digest, askedAt: performance.now() } : await this.manifests.resolve(repository, tag, signal);
    const reference = named.digest === undefined ? { tag: tag! } : { digest: named.digest };
    return { top: await this.manifests.read(repository, reference, this.limit(signal)), askedAt: named.askedAt };
  }

  private async commit({ operation, repository, blobs }: Pull, fetched: FetchedManifest): Promise<void> {
    const { id, epoch } = operation;
    for (const { descriptor } of manifestReferences(fetched.manifest).blobs) blobs.add(descriptor.digest);
    await this.manifests.commit(repository, fetched, { fill: true, operation: { id, epoch } });
  }

  private async fetchChildren(pull: Pull, index: FetchedManifest, depth: number): Promise<void> {
    if (index.manifest.kind === 'image') return;
    const children = [...planFetch(index.manifest, pull.operation.platforms, this.host)];
    if (children.length > 0 && depth > DEEPEST_INDEX) {
      const why = `its indexes lie more than ${DEEPEST_INDEX} deep inside each other`;
      throw upstreamFault(pull.repository.source.upstream, why);
    }
    const failed = new AbortController();
    const among = { ...pull, signal: AbortSignal.any([pull.signal, failed.signal]) };
    const fetchNext = async () => {
      for (let child = children.shift(); child !== undefined; child = children.shift()) {
        failed.signal.throwIfAborted();
        await this.fetchChild(among, child.digest, depth);
      }
    };
    const workers = Array.from({ length: CHILDREN_AT_ONCE }, () => fetchNext().catch((error) => failed.abort(error)));
    await Promise.all(workers);
    failed.signal.throwIfAborted();
  }

  private async fetchChild(pull: Pull, digest: Digest, depth: number): Promise<void> {
    const fetched = await this.manifests.read(pull.repository, { digest }, this.limit(pull.signal));
    await this.commit(pull, fetched);
    await this.fetchChildren(pull, fetched, depth + 1);
  }

  private limit(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(this.config.ENTREPOT_FETCH_MANIFEST_MS)]);
  }
}

function local(domain: string): RegistryError {
  return invalidField(
    'reference',
    `${domain} is this registry itself: a local repository is pushed to, not pulled into`,
  );
}
