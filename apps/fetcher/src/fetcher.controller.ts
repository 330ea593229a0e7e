import { Controller, Inject } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { Calls } from '#calls/calls';
import { FetchManifest } from '#contracts/calls/fetching';
import { ConfirmTag, ResolveTags } from '#contracts/calls/manifests';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { isImageIndex } from '#oci/media-type';
import type { Tag } from '#oci/tag';
import { FETCHER_CONFIG, type FetcherConfig } from './fetcher.config';
import { type FetchedRepository, ManifestHandler } from './pull/manifest.handler';
import { SharedQuestions } from './pull/shared-questions';
import type { FetchedManifest } from './upstream/read-fetched-manifest';

type Question = QuestionOf<typeof FetchManifest>;
type Answer = AnswerOf<typeof FetchManifest>;

/** What the fetcher answers: manifests that a client waits for. */
@Controller()
export class FetcherController {
  private readonly flights = new SharedQuestions<Answer>();

  constructor(
    private readonly calls: Calls,
    private readonly manifests: ManifestHandler,
    @Inject(FETCHER_CONFIG) private readonly config: FetcherConfig,
  ) {}

  /**
   * One question to the upstream for all who ask at the same time: their tags may be as old as the time to live, and
   * no question takes that long. Whoever stops waiting stops nobody else's.
   */
  @Answers(FetchManifest)
  async fetchManifest({ repository: name, reference, hops }: Question): Promise<Answer> {
    // A question that came round must not wait for itself.
    const repository = await this.manifests.open(name, hops);
    const key = `${name} ${'tag' in reference ? reference.tag : reference.digest}`;
    return this.flights.join(key, () => this.fetch(repository, reference));
  }

  private async fetch(repository: FetchedRepository, reference: Question['reference']): Promise<Answer> {
    const signal = AbortSignal.timeout(this.config.ENTREPOT_FETCH_MANIFEST_MS);
    if ('tag' in reference) return this.fetchTag(repository, reference.tag, signal);
    return this.commit(repository, await this.manifests.read(repository, reference, signal));
  }

  private async fetchTag(repository: FetchedRepository, tag: Tag, signal: AbortSignal): Promise<Answer> {
    const { digest, askedAt } = await this.manifests.resolve(repository, tag, signal, { underWay: true });
    const askedMsAgo = () => performance.now() - askedAt;
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
