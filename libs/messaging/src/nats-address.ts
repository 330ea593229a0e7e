import { StartFault } from '#config/start-fault';

export interface NatsAddress {
  /** `nats://host:port` or `tls://host:port`, without credentials: safe to log. */
  readonly servers: string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** It says who asks. */
  readonly hasLogin: boolean;
  /** One of the servers is to be spoken to by TLS alone. */
  readonly needsTls: boolean;
}

/**
 * Reads `nats://user:password@host:4222`, or several joined by commas, as nats tools do; a name without a password is
 * a token. The client library takes credentials apart from the address only. Throws StartFault, never quoting a secret.
 */
export function parseNatsUrl(text: string): NatsAddress {
  const urls = text.split(',').map((part) => readUrl(part.trim()));
  const credentials = urls.find((url) => url.username !== '');
  return {
    servers: urls.map(bareAddress),
    hasLogin: credentials !== undefined,
    needsTls: urls.some(({ protocol }) => protocol === 'tls:'),
    ...credentialsOf(credentials),
  };
}

export function isNatsUrl(text: string): boolean {
  return text.split(',').every((part) => isServer(part.trim()));
}

function isServer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  return /^(?:nats|tls):$/.test(protocol) && hostname !== '' && [username, password].every(isDecodable);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function readUrl(text: string): URL {
  if (isServer(text)) return new URL(text);
  throw new StartFault('The address of NATS must be nats://[user:password@]host:port (tls:// where TLS is required).');
}

function bareAddress(url: URL): string {
  return `${url.protocol}//${url.host}`;
}

function credentialsOf(url: URL | undefined): Pick<NatsAddress, 'user' | 'pass' | 'token'> {
  if (!url) return {};
  const user = decodeURIComponent(url.username);
  return url.password === '' ? { token: user } : { user, pass: decodeURIComponent(url.password) };
}
