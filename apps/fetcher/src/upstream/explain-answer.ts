import { RegistryError, tooManyRequests, upstreamFault } from '#oci/registry-error';
import { isTemporaryStatus, readRetryAfter } from './decide-retry';
import { away } from './explain-failure';
import type { UpstreamAnswer } from './upstream.client';
import type { Upstream } from './upstreams';

export interface Asked {
  /** `library/node:20` or `library/node@sha256:…`, for the message. */
  readonly what: string;
  readonly isBlob?: boolean;
  readonly hasCredential: boolean;
}

type Answered = Pick<UpstreamAnswer, 'status' | 'url' | 'header'>;

/** What an answer that is no success means for whoever asked, and what to do about it. `now` in milliseconds. */
export function explainAnswer(upstream: Upstream, answer: Answered, asked: Asked, now: number): RegistryError {
  const { status } = answer;
  const retryAfter = readRetryAfter(answer.header('retry-after'), now);
  if (status === 429) {
    return tooManyRequests(
      `upstream ${upstream.domain} limits how often it may be asked${limitRemedy(upstream, asked)}`,
      retryAfter,
    );
  }
  if (isTemporaryStatus(status)) return away(upstream, `it answered ${status}`, String(status), retryAfter);
  if (answer.url.origin !== upstream.origin && status >= 400) {
    return away(upstream, `${answer.url.host}, where it keeps this, answered ${status}`, String(status), retryAfter);
  }
  if (status === 401)
    return new RegistryError('UNAUTHORIZED', unauthorizedWhy(upstream, asked), { detail: detailOf(upstream, asked) });
  if (status === 403)
    return new RegistryError('DENIED', deniedWhy(upstream, asked), { detail: detailOf(upstream, asked) });
  if (status === 404) return notThere(upstream, asked);
  return upstreamFault(upstream.domain, `it answered ${status} to the question for ${asked.what}`);
}

function notThere(upstream: Upstream, asked: Asked): RegistryError {
  const code = asked.isBlob === true ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN';
  const why = `upstream ${upstream.domain} has no ${asked.what}: check the name and the tag`;
  return new RegistryError(code, why, { detail: detailOf(upstream, asked) });
}

function unauthorizedWhy(upstream: Upstream, { what, hasCredential }: Asked): string {
  return hasCredential
    ? `upstream ${upstream.domain} does not accept the credential that is configured for it: renew it (ENTREPOT_UPSTREAMS), or check that ${what} exists`
    : `upstream ${upstream.domain} has no public ${what}: check the name, or give a credential for ${upstream.domain} in the file of ENTREPOT_UPSTREAMS`;
}

function deniedWhy(upstream: Upstream, { what, hasCredential }: Asked): string {
  const remedy = hasCredential
    ? `the credential that is configured for ${upstream.domain} may not read it`
    : `give a credential that may read it for ${upstream.domain} in the file of ENTREPOT_UPSTREAMS`;
  return `upstream ${upstream.domain} refuses ${what}: ${remedy}`;
}

function limitRemedy(upstream: Upstream, { hasCredential }: Asked): string {
  return hasCredential
    ? ''
    : `: a credential for ${upstream.domain} in the file of ENTREPOT_UPSTREAMS may raise the limit`;
}

function detailOf(upstream: Upstream, { what }: Asked) {
  return { registry: upstream.domain, asked: what };
}
