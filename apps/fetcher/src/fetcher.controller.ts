import { Controller, Inject } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { Calls } from '#calls/calls';
import { FetchManifest } from '#contracts/calls/fetching';
import { ConfirmTag, ResolveTags } from '#contracts/calls/manifests';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { isImageIndex } from '#oci/media-type';
import type { RepositoryName } from '#oci/repository-name';
import type { Tag } from '#oci/tag';
import { FETCHER_CONFIG, type FetcherConfig } from './fetcher.config';
import { type FetchedRepository, ManifestHandler } from './pull/manifest.handler';
import type { FetchedManifest } from './upstream/read-fetched-manifest';

type Question = QuestionOf<typeof FetchManifest>;
type Answer = AnswerOf<typeof FetchManifest>;

/** What the fetcher answers: manifests that a client waits for. */
@Controller()
export class FetcherController {
  private readonly flights = new Map<string, Promise<Answer>>();

  constructor(
    private readonly calls: Calls,
    private readonly manifests: ManifestHandler,
    @Inject(FETCHER_CONFIG) private readonly config: FetcherConfig,
  ) {}

  /** One question to the upstream for all who ask at the same time; whoever stops waiting stops nobody else's. */
  @Answers(FetchManifest)
  fetchManifest({ repository, reference, hops }: Question): Promise<Answer> {
    const key = `${repository} ${'tag' in reference ? reference.tag : reference.digest}`;
    const flight =
      this.flights.get(key) ?? this.fetch(repository, reference, hops).finally(() => this.flights.delete(key));
    this.flights.set(key, flight);
    return flight;
  }

  private async fetch(
    name: RepositoryName,
    reference: Question['reference'],
    hops: readonly string[],
  ): Promise<Answer> {
    const signal = AbortSignal.timeout(this.config.ENTREPOT_FETCH_MANIFEST_MS);
    const repository = await this.manifests.open(name, hops);
    if ('tag' in reference) return this.fetchTag(repository, reference.tag, signal);
    return this.commit(repository, await this.manifests.read(repository, reference, signal));
  }

  private async fetchTag(repository: FetchedRepository, tag: Tag, signal: AbortSignal): Promise<Answer> {
    const asked = performance.now();
    const askedMsAgo = () => performance.now() - asked;
    const digest = await this.manifests.resolve(repository, tag, signal);
    const confirmed = digest === undefined ? null : await this.confirm(repository, tag, digest, askedMsAgo());
    if (confirmed !== null) return confirmed;
    const fetched = await this.manifests.read(repository, digest === undefined ? { tag } : { digest }, signal);
    return this.commit(repository, fetched, { name: tag, askedMsAgo: askedMsAgo() });
  }

  /** The tag as it is held, if it still names the same; null where there is something to fetch. */
  private async confirm(
    { name }: FetchedRepository,
    tag: Tag,
    digest: Digest,
    askedMsAgo: number,
  ): Promise<Answer | null> {
    const { manifests } = await this.calls.ask(ResolveTags, { tags: [{ repository: name, tag }] });
    const [held] = manifests;
    if (held?.digest !== digest) return null;
    const { confirmed } = await this.calls.ask(ConfirmTag, { repository: name, tag, digest, askedMsAgo });
    return confirmed ? { digest, mediaType: held.mediaType, size: held.size } : null;
  }

  /** The children of an index stay sparse until somebody asks for one. */
  private async commit(
    repository: FetchedRepository,
    fetched: FetchedManifest,
    tag?: { name: Tag; askedMsAgo: number },
  ): Promise<Answer> {
    const { digest, mediaType, bytes } = fetched;
    await this.manifests.commit(repository, fetched, {
      fill: !isImageIndex(mediaType),
      ...(tag === undefined ? {} : { tag }),
    });
    return { digest, mediaType, size: bytes.byteLength };
  }
}
