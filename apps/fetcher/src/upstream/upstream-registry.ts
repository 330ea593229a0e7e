import type { Readable } from 'node:stream';
import { HOPS_HEADER } from '#calls/hop-id';
import { type Digest, isDigest } from '#oci/digest';
import { MANIFEST_LIMITS } from '#oci/manifest';
import { ACCEPTED_MANIFESTS } from '#oci/media-type';
import { type RegistryError, upstreamFault } from '#oci/registry-error';
import type { Tag } from '#oci/tag';
import { pulledBytes } from '../fetcher-metrics';
import { chooseBlobStart } from '../fill/choose-blob-start';
import { parseChallenges } from './bearer-challenge';
import type { Credentials, Identity } from './credentials';
import { explainAnswer } from './explain-answer';
import { type FetchedManifest, readFetchedManifest, refuseWebPage } from './read-fetched-manifest';
import { readLimited } from './read-limited';
import type { TokenClient } from './token.client';
import type { Access } from './token-request';
import { discard, type UpstreamAnswer, type UpstreamClient, type UpstreamRequest } from './upstream.client';
import type { Upstream } from './upstreams';

/** A repository of an upstream, as a caller may see it. */
export interface UpstreamRepository {
  readonly upstream: Upstream;
  /** `library/node`. */
  readonly path: string;
  readonly identity: Identity;
  /** The installations that a request goes through, ours last. */
  readonly hops: readonly string[];
}

export interface BlobBody {
  /** The offset of its first byte; not above the one asked for. */
  readonly start: number;
  readonly etag: string | undefined;
  readonly stream: Readable;
}

type Wanted = Pick<UpstreamRequest, 'method' | 'headers' | 'signal'>;

/** What registries answer to a HEAD that they do not know: a GET tells. */
const WITHOUT_HEAD = new Set([400, 405, 406, 501]);

const MOST_HOPS = 8;
const CIRCLE = 'it asks this registry in turn for what it lacks: one of the two must be told where the image really is';

/** An upstream's side of the OCI distribution specification, as far as a fetch needs it. */
export class UpstreamRegistry {
  constructor(
    private readonly client: UpstreamClient,
    private readonly tokens: TokenClient,
    private readonly credentials: Credentials,
    private readonly hop: string,
    private readonly now: () => number,
  ) {}

  /** `hops` are the installations that the question came through already. Throws UPSTREAM where that is a circle. */
  async open(upstream: Upstream, path: string, hops: readonly string[] = []): Promise<UpstreamRepository> {
    if (hops.includes(this.hop) || hops.length >= MOST_HOPS) throw upstreamFault(upstream.domain, CIRCLE);
    return { upstream, path, identity: await this.credentials.of(upstream), hops: [...hops, this.hop] };
  }

  /** The digest that a tag names now, by HEAD, which upstreams do not count as a pull; undefined where the upstream does not say it. */
  async resolveTag(repository: UpstreamRepository, tag: Tag, signal: AbortSignal): Promise<Digest | undefined> {
    const wanted = { method: 'HEAD', headers: { accept: ACCEPTED_MANIFESTS.join(', ') }, signal } as const;
    const answer = await this.ask(repository, `manifests/${tag}`, wanted);
    await discard(answer);
    if (WITHOUT_HEAD.has(answer.status)) return undefined;
    if (answer.status !== 200) throw this.explain(repository, answer, `:${tag}`);
    const digest = answer.header('docker-content-digest') ?? '';
    return isDigest(digest) ? digest : undefined;
  }

  /** Throws UPSTREAM where the bytes are not what the digest, or the answer's own header, promises. */
  async readManifest(
    repository: UpstreamRepository,
    reference: Tag | Digest,
    signal: AbortSignal,
  ): Promise<FetchedManifest> {
    const wanted = { method: 'GET', headers: { accept: ACCEPTED_MANIFESTS.join(', ') }, signal } as const;
    const answer = await this.ask(repository, `manifests/${reference}`, wanted);
    const { upstream } = repository;
    if (answer.status !== 200) {
      void discard(answer);
      throw this.explain(repository, answer, isDigest(reference) ? `@${reference}` : `:${reference}`);
    }
    try {
      refuseWebPage(upstream, answer.header);
      const bytes = await readLimited(upstream, answer, MANIFEST_LIMITS.maxBytes, signal);
      pulledBytes.inc({ type: 'manifest' }, bytes.byteLength);
      return readFetchedManifest(upstream, reference, answer.header, bytes);
    } finally {
      answer.body.destroy();
    }
  }

  /** The bytes of a blob from `offset`, or from an earlier one where the upstream does not serve a part. Sizes in bytes. */
  async openBlob(
    repository: UpstreamRepository,
    blob: { digest: Digest; size: number },
    from: { offset: number; etag?: string | undefined },
    signal: AbortSignal,
  ): Promise<BlobBody> {
    const { offset, etag } = from;
    const range = offset === 0 ? {} : { range: `bytes=${offset}-`, ...(isStrong(etag) ? { 'if-range': etag } : {}) };
    const answer = await this.ask(repository, `blobs/${blob.digest}`, {
      method: 'GET',
      headers: { accept: '*/*', ...range },
      signal,
    });
    const start = this.startOf(repository, answer, offset, blob);
    if (start !== undefined) return { start, etag: answer.header('etag'), stream: answer.body };
    void discard(answer);
    return this.openBlob(repository, blob, { offset: 0 }, signal);
  }

  private startOf(
    repository: UpstreamRepository,
    answer: UpstreamAnswer,
    offset: number,
    { digest, size }: { digest: Digest; size: number },
  ): number | undefined {
    try {
      if (![200, 206, 416].includes(answer.status)) throw this.explain(repository, answer, `@${digest}`, true);
      return chooseBlobStart(repository.upstream.domain, answer, offset, size);
    } catch (error) {
      void discard(answer);
      throw error;
    }
  }

  /** One answer to a challenge of the registry itself; a challenge from where it sends us to is none of ours. */
  private async ask(
    { upstream, path, identity, hops }: UpstreamRepository,
    what: string,
    wanted: Wanted,
  ): Promise<UpstreamAnswer> {
    const access: Access = {
      upstream,
      credential: identity.credential,
      credentialId: identity.id,
      scope: `repository:${path}:pull`,
    };
    const headers = { ...wanted.headers, [HOPS_HEADER]: hops.join(', ') };
    const request = { ...wanted, headers, url: new URL(`/v2/${path}/${what}`, upstream.origin) };
    const authorization = this.tokens.heldFor(access);
    const answer = await this.client.send(upstream, { ...request, authorization });
    if (answer.status !== 401 || answer.url.origin !== upstream.origin) return answer;
    void discard(answer);
    const challenges = parseChallenges(answer.header('www-authenticate'));
    const renewed = await this.tokens.answerChallenge(access, challenges, authorization, wanted.signal);
    return this.client.send(upstream, { ...request, authorization: renewed });
  }

  private explain(
    { upstream, path, identity }: UpstreamRepository,
    answer: UpstreamAnswer,
    suffix: string,
    isBlob = false,
  ): RegistryError {
    const asked = { what: `${path}${suffix}`, hasCredential: identity.credential !== undefined, isBlob };
    return explainAnswer(upstream, answer, asked, this.now());
  }
}

function isStrong(etag: string | undefined): etag is string {
  return etag !== undefined && /^"[\x21\x23-\x7e]*"$/.test(etag);
}
