import { upstreamFault } from '#oci/registry-error';
import { explainFailure } from './explain-failure';
import type { UpstreamAnswer } from './upstream.client';
import type { Upstream } from './upstreams';

/**
 * The whole body of an answer, as long as it has at most `limit` bytes: a longer one is cut where that is known.
 * Throws UPSTREAM, or UNAVAILABLE where the body ends too soon.
 */
export async function readLimited(
  upstream: Upstream,
  answer: UpstreamAnswer,
  limit: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const tooLong = upstreamFault(upstream.domain, `its answer has more than the ${limit} bytes that are read`);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      length += chunk.byteLength;
      if (length > limit) throw tooLong;
      chunks.push(chunk);
    }
  } catch (error) {
    answer.body.destroy();
    throw explainFailure(upstream, error, signal);
  }
  return Buffer.concat(chunks, length);
}
