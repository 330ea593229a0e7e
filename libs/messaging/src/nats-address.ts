import { StartFault } from '#config/start-fault';

export interface NatsAddress {
  /** `nats://host:port` or `tls://host:port`, without credentials: safe to log. */
  readonly servers: string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

/**
 * Reads `nats://user:password@host:4222`, or several joined by commas, as nats tools do; a name without a password is
 * a token. The client library takes credentials apart from the address only. Throws StartFault, never quoting a secret.
 */
export function parseNatsUrl(text: string): NatsAddress {
  const urls = text.split(',').map((part) => readUrl(part.trim()));
  const credentials = urls.find((url) => url.username !== '');
  return { servers: urls.map(bareAddress), ...credentialsOf(credentials) };
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^(?:nats|tls):$/.test(url.protocol) && url.hostname !== '') return url;
  throw new StartFault('The address of NATS must be nats://[user:password@]host:port (tls:// where TLS is required).');
}

function bareAddress(url: URL): string {
  return `${url.protocol}//${url.host}`;
}

function credentialsOf(url: URL | undefined): Partial<NatsAddress> {
  if (!url) return {};
  const user = decodeURIComponent(url.username);
  return url.password === '' ? { token: user } : { user, pass: decodeURIComponent(url.password) };
}
