import { Inject, Injectable } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { CompletePull, ReadOperationBlobs, ResolveOperation } from '#contracts/calls/operations';
import type { OperationError, PullBody } from '#contracts/operation';
import type { Principal } from '#contracts/principal';
import { type Progress, progressSubject } from '#contracts/progress';
import { Bus } from '#messaging/bus';
import type { Digest } from '#oci/digest';
import { hostPlatform, type Platform, parsePlatform } from '#oci/platform';
import { dockerReference, parseReference } from '#oci/reference';
import { invalidField, upstreamFault } from '#oci/registry-error';
import type { Tag } from '#oci/tag';
import { upstreamRepositoryName } from '#oci/upstream-name';
import { BlobEnds } from './blob-ends';
import { FETCHER_CONFIG, type FetcherConfig } from './fetcher.config';
import type { Claimed } from './leases';
import { type FetchedRepository, ManifestHandler } from './manifest.handler';
import { planFetch } from './plan-fetch';
import type { FetchedManifest } from './read-fetched-manifest';
import { Upstreams } from './upstreams';

export interface PullOperation extends Claimed, PullBody {
  readonly attempts: number;
  readonly principal: Principal;
}

/** A blob could not be had in all the attempts it is given: another attempt of the pull would not help. */
export class FailedFill extends Error {
  override readonly name = 'FailedFill';

  constructor(readonly error: OperationError) {
    super(error.message);
  }
}

interface Named {
  readonly repository: FetchedRepository;
  readonly tag: Tag | null;
  readonly digest: Digest | undefined;
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
    private readonly bus: Bus,
    private readonly upstreams: Upstreams,
    private readonly manifests: ManifestHandler,
    private readonly blobEnds: BlobEnds,
    @Inject(FETCHER_CONFIG) private readonly config: FetcherConfig,
  ) {
    const { ENTREPOT_HOST_PLATFORM: asked } = config;
    this.host = asked === undefined ? hostPlatform(process.arch, 'linux') : parsePlatform(asked);
  }

  /** Resolves once the operation is completed. Throws RegistryError or FailedFill: what it is to fail with. */
  async run(operation: PullOperation, signal: AbortSignal): Promise<void> {
    this.report(operation, { phase: 'resolving', bytesDone: 0, bytesTotal: 0, missing: 0 });
    const named = await this.name(operation.reference);
    const asked = performance.now();
    const top = await this.readTop(named, signal);
    await this.commit(operation, named.repository, top);
    const { name: repository } = named.repository;
    const resolved = { id: operation.id, epoch: operation.epoch, repository, digest: top.digest };
    await this.calls.ask(ResolveOperation, { ...resolved, tag: named.tag });
    await this.fetchChildren(operation, named.repository, top, 1, signal);
    for (let completed = false; !completed; ) {
      const size = await this.waitForBlobs(operation, signal);
      const outcome = { repository, tag: named.tag, digest: top.digest, mediaType: top.mediaType, size };
      const tag = named.tag === null ? null : { name: named.tag, askedMsAgo: performance.now() - asked };
      ({ completed } = await this.calls.ask(CompletePull, { ...resolved, tag, outcome }));
    }
  }

  /** A digest is what Docker pulls where there are both: no tag is moved then. */
  private async name(text: string): Promise<Named> {
    const reference = dockerReference(parseReference(text));
    this.refuseLocal(reference.domain);
    const repository = await this.manifests.open(upstreamRepositoryName(reference, this.upstreams.domains));
    return { repository, tag: reference.tag ?? null, digest: reference.digest };
  }

  private refuseLocal(domain: string): void {
    if (!this.upstreams.isOurselves(domain)) return;
    throw invalidField(
      'reference',
      `${domain} is this registry itself: a local repository is pushed to, not pulled into`,
    );
  }

  private async readTop({ repository, tag, digest }: Named, signal: AbortSignal): Promise<FetchedManifest> {
    const within = this.limit(signal);
    const named = digest ?? (tag === null ? undefined : await this.manifests.resolve(repository, tag, within));
    if (named !== undefined) return this.manifests.read(repository, { digest: named }, within);
    return this.manifests.read(repository, { tag: tag! }, within);
  }

  private commit({ id, epoch }: PullOperation, repository: FetchedRepository, fetched: FetchedManifest): Promise<void> {
    return this.manifests.commit(repository, fetched, { fill: true, operation: { id, epoch } });
  }

  private async fetchChildren(
    operation: PullOperation,
    repository: FetchedRepository,
    index: FetchedManifest,
    depth: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (index.manifest.kind === 'image') return;
    const children = [...planFetch(index.manifest, operation.platforms, this.host)];
    if (children.length > 0 && depth > DEEPEST_INDEX) {
      throw upstreamFault(
        repository.source.upstream,
        `its indexes lie more than ${DEEPEST_INDEX} deep inside each other`,
      );
    }
    const fetchNext = async () => {
      for (let child = children.shift(); child !== undefined; child = children.shift()) {
        const fetched = await this.manifests.read(repository, { digest: child.digest }, this.limit(signal));
        await this.commit(operation, repository, fetched);
        await this.fetchChildren(operation, repository, fetched, depth + 1, signal);
      }
    };
    await Promise.all(Array.from({ length: CHILDREN_AT_ONCE }, fetchNext));
  }

  /** Answers the bytes of all blobs together, once none is missing. */
  private async waitForBlobs(operation: PullOperation, signal: AbortSignal): Promise<number> {
    const { id, epoch } = operation;
    for (;;) {
      signal.throwIfAborted();
      const ended = this.blobEnds.next(this.config.ENTREPOT_FETCH_PROGRESS_MS, signal);
      const { missing, failed, bytesDone, bytesTotal } = await this.calls.ask(ReadOperationBlobs, { id, epoch });
      this.report(operation, { phase: 'filling', bytesDone, bytesTotal, missing });
      const [first] = failed;
      if (first !== undefined) throw new FailedFill(first.error);
      if (missing === 0) return bytesTotal;
      await ended;
    }
  }

  private report({ id, principal }: PullOperation, progress: Omit<Progress, 'operation'>): void {
    this.bus.publish(progressSubject(principal, id), { operation: id, ...progress } satisfies Progress);
  }

  private limit(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(this.config.ENTREPOT_FETCH_MANIFEST_MS)]);
  }
}
