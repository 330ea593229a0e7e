import { z } from 'zod';
import { RegistryError, upstreamFault } from '#oci/registry-error';
import type { BearerChallenge } from './bearer-challenge';
import { trustsRealm } from './trusts-realm';
import type { UpstreamRequest } from './upstream.client';
import type { Credential } from './upstream-file';
import type { Upstream } from './upstreams';

/** Who asks an upstream for what. */
export interface Access {
  readonly upstream: Upstream;
  readonly credential: Credential | undefined;
  /** See SourceSchema. */
  readonly credentialId: string;
  /** `repository:library/node:pull`. */
  readonly scope: string;
}

/** The token specification: where `expires_in` is missing, a token lives a minute. */
const DEFAULT_LIFE_S = 60;
const CLIENT_ID = 'entrepot';

const TokenSchema = z
  .object({
    token: z.string().optional(),
    access_token: z.string().optional(),
    expires_in: z.number().positive().optional(),
  })
  .transform(({ token, access_token, expires_in }) => ({
    token: token || access_token || '',
    life: expires_in ?? DEFAULT_LIFE_S,
  }))
  .refine(({ token }) => /^[\x21-\x7e]+$/.test(token));

/**
 * What asks for a token: by refresh token (OAuth2), by user and password, or as nobody. Throws DENIED for a realm that
 * must not see the credential, UPSTREAM for one that cannot be read.
 */
export function tokenRequest(access: Access, challenge: BearerChallenge, signal: AbortSignal): UpstreamRequest {
  const { credential, scope } = access;
  const url = realmOf(access, challenge.realm);
  const asked = {
    ...(challenge.service === undefined ? {} : { service: challenge.service }),
    scope,
    client_id: CLIENT_ID,
  };
  if (credential !== undefined && 'identityToken' in credential) {
    const form = new URLSearchParams({
      ...asked,
      grant_type: 'refresh_token',
      refresh_token: credential.identityToken,
    });
    const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url, headers, body: form.toString(), signal };
  }
  const user = credential !== undefined && 'username' in credential ? credential : undefined;
  const query = user === undefined ? asked : { ...asked, account: user.username };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const authorization = user && basicHeader(user);
  return { method: 'GET', url, headers: { accept: 'application/json' }, authorization, signal };
}

/** The token in a token service's answer, and its life in seconds. Throws UPSTREAM. */
export function readToken(upstream: Upstream, bytes: Buffer): { token: string; life: number } {
  try {
    return TokenSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    throw upstreamFault(upstream.domain, 'its token service sent no readable token');
  }
}

export function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function realmOf({ upstream, credential }: Access, text: string): URL {
  if (!URL.canParse(text, upstream.origin))
    throw upstreamFault(upstream.domain, 'its challenge names no readable realm');
  const realm = new URL(text, upstream.origin);
  if (credential === undefined || trustsRealm(upstream, realm)) return realm;
  const why = `it wants its credential to be sent to ${realm.host}, which is not known to belong to it`;
  const remedy = `if it does, add "${realm.host}" to the tokenHosts of ${upstream.domain} in the file of ENTREPOT_UPSTREAMS`;
  throw new RegistryError('DENIED', `upstream ${upstream.domain}: ${why}; ${remedy}`, {
    detail: { registry: upstream.domain, realm: realm.host },
  });
}
