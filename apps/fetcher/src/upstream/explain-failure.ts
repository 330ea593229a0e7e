import { cancelled, RegistryError, upstreamFault } from '#oci/registry-error';
import { RefusedAddress } from './address-rule';
import { addressRefused, type Upstream } from './upstreams';

const CERTIFICATE = /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_)/;
const NOT_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO']);

const TEMPORARY: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  UND_ERR_SOCKET: 'it closed the connection',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'its host cannot be reached',
  ENETUNREACH: 'its network cannot be reached',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'its name cannot be looked up at the moment',
  UND_ERR_CONNECT_TIMEOUT: 'no connection came about in time',
  UND_ERR_HEADERS_TIMEOUT: 'it sent no answer in time',
  UND_ERR_BODY_TIMEOUT: 'it stopped in the middle of its answer',
};

/** Why no answer, or no whole one, came from an upstream. Says nothing of what was sent. */
export function explainFailure(upstream: Upstream, error: unknown, signal: AbortSignal): RegistryError {
  const inner = innermost(error);
  if (inner instanceof RegistryError) return inner;
  if (inner instanceof RefusedAddress) return addressRefused(upstream, inner.host);
  if (signal.aborted) return explainAbort(upstream, signal);
  const code = codeOf(inner);
  if (CERTIFICATE.test(code)) {
    return upstreamFault(
      upstream.domain,
      `its certificate is not trusted (${code}): give the authority that signed it as "ca" in the file of ENTREPOT_UPSTREAMS`,
    );
  }
  if (NOT_TLS.has(code)) {
    return upstreamFault(
      upstream.domain,
      'it does not speak TLS: if it is meant to be reached without, set "plainHttp" in the file of ENTREPOT_UPSTREAMS',
    );
  }
  if (isNotHttp(inner, code)) return away(upstream, 'its answer is not HTTP', 'NOT_HTTP');
  return away(upstream, TEMPORARY[code] ?? 'the connection failed', code);
}

/** An upstream that cannot be had at the moment: never to be confused with one that lacks what was asked. */
export function away(upstream: Upstream, why: string, reason: string, retryAfterSeconds?: number): RegistryError {
  return new RegistryError('UNAVAILABLE', `upstream ${upstream.domain} is not available at the moment: ${why}`, {
    detail: { registry: upstream.domain, reason },
    retryAfterSeconds,
  });
}

function explainAbort(upstream: Upstream, signal: AbortSignal): RegistryError {
  if (signal.reason instanceof RegistryError) return signal.reason;
  const isTimeout = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
  return isTimeout
    ? away(upstream, 'its answer took too long', 'TIMEOUT')
    : cancelled(`the request to ${upstream.domain}`);
}

/** Node wraps what went wrong: a failed look-up of several addresses in one error, a socket's in a client's. */
function innermost(error: unknown): unknown {
  if (error instanceof RegistryError) return error;
  const { errors, cause } = fieldsOf(error);
  const inner: unknown = Array.isArray(errors) ? errors[0] : cause;
  return typeof inner === 'object' && inner !== null ? innermost(inner) : error;
}

/** The parser's errors have a name where they have no code. */
function isNotHttp(error: unknown, code: string): boolean {
  return code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW' || fieldsOf(error).name === 'HTTPParserError';
}

function codeOf(error: unknown): string {
  const { code } = fieldsOf(error);
  return typeof code === 'string' ? code : '';
}

function fieldsOf(error: unknown): { name?: unknown; code?: unknown; cause?: unknown; errors?: unknown } {
  return typeof error === 'object' && error !== null ? error : {};
}
