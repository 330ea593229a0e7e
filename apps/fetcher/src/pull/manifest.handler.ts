import { Inject, Injectable } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { CommitManifest, ReadManifest, type Source } from '#contracts/calls/manifests';
import type { Digest } from '#oci/digest';
import { parseManifest } from '#oci/manifest';
import { invalidField } from '#oci/registry-error';
import type { RepositoryName } from '#oci/repository-name';
import type { Tag } from '#oci/tag';
import { splitRepositoryName } from '#oci/upstream-name';
import { FETCHER_CONFIG, type FetcherConfig } from '../fetcher.config';
import { FillHandler } from '../fill/fill.handler';
import type { Claimed } from '../leases';
import { explainFailure } from '../upstream/explain-failure';
import type { FetchedManifest } from '../upstream/read-fetched-manifest';
import { UpstreamRegistry, type UpstreamRepository } from '../upstream/upstream-registry';
import { Upstreams } from '../upstream/upstreams';
import { SharedQuestions, whileWanted } from './shared-questions';

/** A repository of ours that is an upstream's, and that upstream's side of it. */
export interface FetchedRepository {
  readonly name: RepositoryName;
  readonly source: Source;
  readonly remote: UpstreamRepository;
}

/** What a tag named at its upstream. */
export interface TagAnswer {
  /** Undefined where the upstream does not say it without sending it all. */
  readonly digest: Digest | undefined;
  /** When it was asked, by `performance.now()`. */
  readonly askedAt: number;
}

export interface CommitOptions {
  readonly fill: boolean;
  readonly operation?: Claimed;
  readonly tag?: { readonly name: Tag; readonly askedMsAgo: number };
}

/** Brings manifests here: asks an upstream only for what is not held, and commits before anybody is answered. */
@Injectable()
export class ManifestHandler {
  private readonly tags = new SharedQuestions<TagAnswer>();
  private readonly manifests = new SharedQuestions<FetchedManifest>();

  constructor(
    private readonly calls: Calls,
    private readonly upstreams: Upstreams,
    private readonly registry: UpstreamRegistry,
    private readonly fills: FillHandler,
    @Inject(FETCHER_CONFIG) private readonly config: FetcherConfig,
  ) {}

  /** Throws INVALID for a local repository, or one of our own hosts. */
  async open(name: RepositoryName, hops: readonly string[] = []): Promise<FetchedRepository> {
    const split = splitRepositoryName(name, this.upstreams.domains);
    if (split.kind === 'local')
      throw invalidField('repository', `${name} is a local repository: nothing is fetched into it`);
    const remote = await this.registry.open(this.upstreams.find(split.domain), split.path, hops);
    return { name, remote, source: { upstream: split.domain, credential: remote.identity.id } };
  }

  /**
   * What a tag names at the upstream, by a question that was sent after this asks, or by one that is `underWay`: that
   * is for whoever would take what was so a tag's time to live ago. Either is shared.
   */
  resolve(
    repository: FetchedRepository,
    tag: Tag,
    signal: AbortSignal,
    { underWay = false }: { underWay?: boolean } = {},
  ): Promise<TagAnswer> {
    const send = async () => {
      const askedAt = performance.now();
      return { digest: await this.registry.resolveTag(repository.remote, tag, this.limit()), askedAt };
    };
    const key = keyOf(repository, tag);
    return wanted(repository, underWay ? this.tags.join(key, send) : this.tags.askAnew(key, send), signal);
  }

  /** A manifest from here if this repository holds it, else from its upstream, which is asked for each digest once. */
  async read(
    repository: FetchedRepository,
    reference: { digest: Digest } | { tag: Tag },
    signal: AbortSignal,
  ): Promise<FetchedManifest> {
    if ('tag' in reference) return this.registry.readManifest(repository.remote, reference.tag, signal);
    const { digest } = reference;
    const held = await this.readHeld(repository, digest, signal);
    if (held !== undefined) return held;
    const send = () => this.registry.readManifest(repository.remote, digest, this.limit());
    return wanted(repository, this.manifests.join(keyOf(repository, digest), send), signal);
  }

  /** A manifest that this repository holds; undefined where it does not. */
  async readHeld(
    repository: FetchedRepository,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<FetchedManifest | undefined> {
    const held = await this.calls.ask(ReadManifest, { repository: repository.name, digest }, { signal });
    if (!held.found || held.bytes === undefined) return undefined;
    const { bytes, mediaType } = held;
    return { digest, bytes, mediaType, manifest: parseManifest(bytes, mediaType), isHeld: true };
  }

  async commit(repository: FetchedRepository, fetched: FetchedManifest, options: CommitOptions): Promise<void> {
    const { operation, tag, fill } = options;
    const { missing } = await this.calls.ask(CommitManifest, {
      repository: repository.name,
      source: repository.source,
      mediaType: fetched.mediaType,
      digest: fetched.digest,
      bytes: fetched.bytes,
      fill,
      isPrivate: repository.remote.identity.credential !== undefined,
      ...(tag === undefined ? {} : { tag }),
      ...(operation === undefined ? {} : { operation: { id: operation.id, epoch: operation.epoch } }),
    });
    if (fill && missing.length > 0) this.fills.wake();
  }

  /** A shared question has its own end: it is nobody's who asked. */
  private limit(): AbortSignal {
    return AbortSignal.timeout(this.config.ENTREPOT_FETCH_MANIFEST_MS);
  }
}

function keyOf({ name, remote }: FetchedRepository, reference: Tag | Digest): string {
  return `${name} ${remote.identity.id} ${reference}`;
}

async function wanted<Answer>(
  { remote }: FetchedRepository,
  answer: Promise<Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    return await whileWanted(answer, signal);
  } catch (error) {
    throw error === signal.reason ? explainFailure(remote.upstream, error, signal) : error;
  }
}
