import { Inject, Injectable } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { FetchManifest } from '#contracts/calls/fetching';
import { FindManifests, ReadManifest, ResolveTags } from '#contracts/calls/manifests';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { isRegistryError, manifestUnknown, RegistryError } from '#oci/registry-error';
import type { Tag } from '#oci/tag';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { countProxied } from '../gateway-metrics';
import { ManifestCache } from './manifest-cache';
import type { AskedRepository, ReachedRepository } from './name-repository';
import { QuestionBatcher } from './question-batcher';

export interface NamedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  /** Set where the upstream could not be asked: how long ago it last was, in milliseconds. */
  readonly staleMs?: number;
}

type TagQuestion = QuestionOf<typeof ResolveTags>['tags'][number];
type TagAnswer = AnswerOf<typeof ResolveTags>['manifests'][number];
type HeldTag = NonNullable<TagAnswer>;
type DigestQuestion = QuestionOf<typeof FindManifests>['manifests'][number];
type DigestAnswer = AnswerOf<typeof FindManifests>['manifests'][number];
type FetchReference = QuestionOf<typeof FetchManifest>['reference'];

/** Manifests as metadata has them; for an upstream's repository, what is missing or too old is fetched first. */
@Injectable()
export class ManifestStore {
  private readonly tags: QuestionBatcher<TagQuestion, TagAnswer>;
  private readonly shown: QuestionBatcher<DigestQuestion, DigestAnswer>;
  private readonly cache: ManifestCache;

  constructor(
    private readonly calls: Calls,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {
    this.cache = new ManifestCache(config.ENTREPOT_MANIFEST_CACHE_BYTES);
    this.tags = new QuestionBatcher(
      ({ repository, tag }) => `${repository}:${tag}`,
      async (tags) => (await calls.ask(ResolveTags, { tags })).manifests,
      1000,
    );
    this.shown = new QuestionBatcher(
      ({ repository, digest }) => `${repository}@${digest}`,
      async (manifests) => (await calls.ask(FindManifests, { manifests })).manifests,
      1000,
    );
  }

  /** What the tag names now. MANIFEST_UNKNOWN, or what the upstream answered where nothing is held. */
  async resolve(repository: ReachedRepository, tag: Tag): Promise<NamedManifest> {
    const { name, isUpstream } = repository;
    const held = await this.tags.ask({ repository: name, tag });
    if (isUpstream) countProxied('manifest', held !== null);
    if (!isUpstream && !held) throw manifestUnknown(tag);
    if (!held) return this.fetch(repository, { tag });
    if (!isUpstream || held.ageMs === null || held.ageMs <= this.config.ENTREPOT_TAG_TTL_MS) return named(held);
    return this.revalidate(repository, tag, held, held.ageMs);
  }

  /** A manifest that this repository shows, fetched first where it is an upstream's. MANIFEST_UNKNOWN. */
  async find(repository: ReachedRepository, digest: Digest): Promise<NamedManifest> {
    const held = await this.shown.ask({ repository: repository.name, digest });
    if (repository.isUpstream) countProxied('manifest', held !== null);
    if (held) return { digest, ...held };
    if (!repository.isUpstream) throw manifestUnknown(digest);
    return this.fetch(repository, { digest });
  }

  /** The bytes of a manifest that this repository was just found to show. */
  async read({ name: repository }: AskedRepository, digest: Digest): Promise<Uint8Array> {
    const cached = this.cache.get(repository, digest);
    if (cached) return cached;
    const { found, bytes } = await this.calls.ask(ReadManifest, { repository, digest });
    if (!found || !bytes) throw manifestUnknown(digest);
    this.cache.set(repository, digest, bytes);
    return bytes;
  }

  /**
   * Waits a little for the upstream, and serves the held tag where it is slow, down or limited: the question goes on
   * for the sake of the next client. What the upstream says about the tag itself (gone, refused) is answered.
   */
  private async revalidate(
    repository: ReachedRepository,
    tag: Tag,
    held: HeldTag,
    ageMs: number,
  ): Promise<NamedManifest> {
    const stale = { ...named(held), staleMs: ageMs };
    const asked = this.fetch(repository, { tag }).catch((error: unknown) => {
      if (isRegistryError(error, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'DENIED')) throw error;
      return stale;
    });
    return within(this.config.ENTREPOT_REVALIDATE_MS, asked, stale);
  }

  /** What was fetched is there for as long as is promised of all that is said to be there. */
  private async fetch(repository: ReachedRepository, reference: FetchReference): Promise<NamedManifest> {
    const digest = await this.askUpstream(repository, reference);
    const shown = await this.shown.ask({ repository: repository.name, digest });
    if (!shown) throw manifestUnknown(digest);
    return { digest, ...shown };
  }

  private async askUpstream({ name, hops }: ReachedRepository, reference: FetchReference): Promise<Digest> {
    try {
      const question = { repository: name, reference, hops: [...hops] };
      const deadlineMs = this.config.ENTREPOT_FETCH_WAIT_MS;
      return (await this.calls.ask(FetchManifest, question, { deadlineMs })).digest;
    } catch (error) {
      // The upstream refuses us, not this client's credentials: 401 would make the client log in here.
      if (isRegistryError(error, 'UNAUTHORIZED')) throw new RegistryError('DENIED', error.message, { cause: error });
      throw error;
    }
  }
}

function named({ digest, mediaType, size }: HeldTag): NamedManifest {
  return { digest, mediaType, size };
}

/** `late` where `promise` has not settled after `ms`; what it settles to then is nobody's. */
async function within<T>(ms: number, promise: Promise<T>, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, ms, late);
  });
  promise.catch(() => {});
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
