import { readFileSync } from 'node:fs';
import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  nkeyAuthenticator,
  nkeys,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { StartFault } from '#config/start-fault';
import type { NatsSettings } from './nats.config';
import { parseNatsUrl } from './nats-address';

/** How this client says who it is, and whom it believes. */
export interface NatsLogin {
  readonly options: Pick<ConnectionOptions, 'authenticator' | 'tls'>;
  /** The settings that say who it is, for a person whose login was refused; null where it says nobody. */
  readonly settings: string | null;
}

/**
 * Files are read again at each connection, since they are renewed while a program runs; at the start they must be
 * there and be what they are said to be. Throws StartFault, never quoting what a file holds.
 */
export function natsLogin(settings: NatsSettings & { readonly NATS_URL: string }): NatsLogin {
  const { authenticator, names } = whoOf(settings);
  const tls = tlsOf(settings);
  return { options: { ...(authenticator && { authenticator }), ...(tls && { tls }) }, settings: names };
}

function whoOf(settings: NatsSettings & { readonly NATS_URL: string }): {
  authenticator?: Authenticator;
  names: string | null;
} {
  const { NATS_USER, NATS_PASSWORD, NATS_PASSWORD_FILE, NATS_TOKEN, NATS_TOKEN_FILE, NATS_NKEY, NATS_CREDS } = settings;
  if (NATS_USER !== undefined) {
    const password = NATS_PASSWORD_FILE
      ? secretOf('NATS_PASSWORD_FILE', NATS_PASSWORD_FILE)
      : () => NATS_PASSWORD ?? '';
    const names = `NATS_USER and ${NATS_PASSWORD_FILE ? 'NATS_PASSWORD_FILE' : 'NATS_PASSWORD'}`;
    return { authenticator: usernamePasswordAuthenticator(NATS_USER, password), names };
  }
  if (NATS_TOKEN_FILE)
    return {
      authenticator: tokenAuthenticator(secretOf('NATS_TOKEN_FILE', NATS_TOKEN_FILE)),
      names: 'NATS_TOKEN_FILE',
    };
  if (NATS_TOKEN) return { authenticator: tokenAuthenticator(NATS_TOKEN), names: 'NATS_TOKEN' };
  if (NATS_NKEY) return { authenticator: nkeyOf(NATS_NKEY), names: 'NATS_NKEY' };
  if (NATS_CREDS) return { authenticator: credsOf(NATS_CREDS), names: 'NATS_CREDS' };
  return inUrl(settings.NATS_URL);
}

function inUrl(url: string): { authenticator?: Authenticator; names: string | null } {
  const { user, pass, token } = parseNatsUrl(url);
  if (user !== undefined) return { authenticator: usernamePasswordAuthenticator(user, pass), names: 'NATS_URL' };
  if (token !== undefined) return { authenticator: tokenAuthenticator(token), names: 'NATS_URL' };
  return { names: null };
}

function nkeyOf(path: string): Authenticator {
  const seed = secretOf('NATS_NKEY', path, (text) => nkeys.fromSeed(Buffer.from(text)).getPublicKey().startsWith('U'));
  return nkeyAuthenticator(() => Buffer.from(seed()));
}

function credsOf(path: string): Authenticator {
  const isCreds = (text: string) => {
    credsAuthenticator(bytesOfCreds(text))('nonce');
    return true;
  };
  const creds = secretOf('NATS_CREDS', path, isCreds);
  return credsAuthenticator(() => bytesOfCreds(creds()));
}

/** The library reads no last line that does not end. */
const bytesOfCreds = (text: string) => Buffer.from(`${text}\n`);

/** `tls://` demands it, and so does whoever says whom to believe; else it is used where the server offers it. */
function tlsOf({ NATS_URL, NATS_CA, NATS_CERT, NATS_KEY }: NatsSettings & { readonly NATS_URL: string }) {
  const files = { NATS_CA, NATS_CERT, NATS_KEY };
  for (const [name, path] of Object.entries(files))
    if (path) secretOf(name, path, (text) => text.includes('-----BEGIN'));
  if (!parseNatsUrl(NATS_URL).needsTls && !NATS_CA && !NATS_CERT) return undefined;
  return {
    ...(NATS_CA && { caFile: NATS_CA }),
    ...(NATS_CERT && { certFile: NATS_CERT }),
    ...(NATS_KEY && { keyFile: NATS_KEY }),
  };
}

/** What a file holds, without white space around it. One that is away for a moment is as it was when it was read last. */
function secretOf(
  setting: string,
  path: string,
  isRight: (text: string) => boolean = (text) => text !== '',
): () => string {
  let text = readSecret(setting, path, isRight);
  return () => {
    try {
      text = readSecret(setting, path, isRight);
    } catch {
      // A half-written one is read again at the next connection.
    }
    return text;
  };
}

function readSecret(setting: string, path: string, isRight: (text: string) => boolean): string {
  const text = readText(setting, path);
  let right = false;
  try {
    right = isRight(text);
  } catch {
    // Said below, without what the library says: that may quote it.
  }
  if (!right) throw new StartFault(`${setting}: ${path} does not hold what it should: ${SHOULD[setting]}.`);
  return text;
}

function readText(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const why = { ENOENT: 'there is no such file', EACCES: 'this user may not read it', EISDIR: 'it is a folder' }[
      code
    ];
    throw new StartFault(`${setting}: ${path} cannot be read: ${why ?? code}.`);
  }
}

const SHOULD: Readonly<Record<string, string>> = {
  NATS_PASSWORD_FILE: 'the password, on one line',
  NATS_TOKEN_FILE: 'the token, on one line',
  NATS_NKEY: "the seed of a user's nkey, which begins with SU",
  NATS_CREDS: 'a JWT and a seed between their BEGIN and END lines, as nsc writes them',
  NATS_CA: 'certificates in PEM',
  NATS_CERT: 'a certificate in PEM',
  NATS_KEY: 'a key in PEM',
};
