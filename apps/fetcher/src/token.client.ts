import { z } from 'zod';
import { RegistryError, upstreamFault } from '#oci/registry-error';
import { asksBasic, type BearerChallenge, bearerChallenge, type Challenge } from './bearer-challenge';
import { type Asked, explainAnswer } from './explain-answer';
import { readLimited } from './read-limited';
import { trustsRealm } from './trusts-realm';
import { discard, type UpstreamAnswer, type UpstreamClient, type UpstreamRequest } from './upstream.client';
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

interface Authorization {
  /** The value of the header. */
  readonly header: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** The token specification: where `expires_in` is missing, a token lives a minute. */
const DEFAULT_LIFE_S = 60;
const RENEW_EARLY_MS = 10_000;
const LONGEST_TOKEN_ANSWER = 256 * 1024;
const MOST_TOKENS = 10_000;
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

/** Authorization for upstreams: one for an upstream, a scope and a credential, kept until 10 s before it ends, asked for once. */
export class TokenClient {
  private readonly held = new Map<string, Authorization>();
  private readonly asking = new Map<string, Promise<string>>();

  constructor(
    private readonly client: UpstreamClient,
    private readonly now: () => number,
  ) {}

  /** The header to send without having been asked for it, if one is held. */
  heldFor(access: Access): string | undefined {
    const held = this.held.get(keyOf(access));
    return held !== undefined && held.until > this.now() ? held.header : undefined;
  }

  /**
   * Answers a 401: another header than `refused`, which was sent and not accepted. Throws UNAUTHORIZED, DENIED,
   * TOOMANYREQUESTS, UNAVAILABLE, UPSTREAM.
   */
  async answerChallenge(
    access: Access,
    challenges: readonly Challenge[],
    refused: string | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const held = this.heldFor(access);
    if (held !== undefined && held !== refused) return held;
    const key = keyOf(access);
    this.held.delete(key);
    const running =
      this.asking.get(key) ?? this.authorize(access, challenges, signal).finally(() => this.asking.delete(key));
    this.asking.set(key, running);
    return running;
  }

  private async authorize(access: Access, challenges: readonly Challenge[], signal: AbortSignal): Promise<string> {
    const { credential } = access;
    const bearer = bearerChallenge(challenges);
    if (credential !== undefined && 'token' in credential)
      return this.hold(access, `Bearer ${credential.token}`, Number.POSITIVE_INFINITY);
    if (bearer !== undefined) return this.askForToken(access, bearer, signal);
    if (asksBasic(challenges) && credential !== undefined && 'username' in credential) {
      return this.hold(access, basic(credential), Number.POSITIVE_INFINITY);
    }
    throw explainRefusal(access);
  }

  private async askForToken(access: Access, challenge: BearerChallenge, signal: AbortSignal): Promise<string> {
    const { upstream } = access;
    const asked = this.now();
    const answer = await this.client.send(upstream, tokenRequest(access, challenge, signal));
    if (answer.status !== 200) {
      discard(answer);
      throw explainTokenAnswer(access, answer, asked);
    }
    const { token, life } = readToken(upstream, await readLimited(upstream, answer, LONGEST_TOKEN_ANSWER, signal));
    return this.hold(access, `Bearer ${token}`, asked + life * 1000 - RENEW_EARLY_MS);
  }

  private hold(access: Access, header: string, until: number): string {
    if (this.held.size >= MOST_TOKENS) this.held.clear();
    this.held.set(keyOf(access), { header, until });
    return header;
  }
}

function tokenRequest(access: Access, challenge: BearerChallenge, signal: AbortSignal): UpstreamRequest {
  const { upstream, credential, scope } = access;
  if (!URL.canParse(challenge.realm, upstream.origin))
    throw upstreamFault(upstream.domain, 'its challenge names no readable realm');
  const url = new URL(challenge.realm, upstream.origin);
  if (credential !== undefined) refuseRealm(upstream, url);
  const service = challenge.service === undefined ? {} : { service: challenge.service };
  if (credential !== undefined && 'identityToken' in credential) {
    const form = {
      grant_type: 'refresh_token',
      client_id: CLIENT_ID,
      ...service,
      scope,
      refresh_token: credential.identityToken,
    };
    const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url, headers, body: new URLSearchParams(form).toString(), signal };
  }
  for (const [name, value] of Object.entries({ ...service, scope, client_id: CLIENT_ID }))
    url.searchParams.set(name, value);
  const authorization = credential !== undefined && 'username' in credential ? basic(credential) : undefined;
  if (authorization !== undefined && 'username' in credential!) url.searchParams.set('account', credential.username);
  return { method: 'GET', url, headers: { accept: 'application/json' }, authorization, signal };
}

function refuseRealm(upstream: Upstream, realm: URL): void {
  if (trustsRealm(upstream, realm)) return;
  const why = `it wants its credential to be sent to ${realm.host}, which is not known to belong to it`;
  const remedy = `if it does, add "${realm.host}" to the tokenHosts of ${upstream.domain} in the file of ENTREPOT_UPSTREAMS`;
  throw new RegistryError('DENIED', `upstream ${upstream.domain}: ${why}; ${remedy}`, {
    detail: { registry: upstream.domain, realm: realm.host },
  });
}

function readToken(upstream: Upstream, bytes: Buffer) {
  try {
    return TokenSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    throw upstreamFault(upstream.domain, 'its token service sent no readable token');
  }
}

/** A token service is no storage: what it refuses is the credential, wherever it stands. */
function explainTokenAnswer(access: Access, answer: UpstreamAnswer, now: number): RegistryError {
  const { status, header } = answer;
  if (status >= 400 && status < 404) return explainRefusal(access);
  const what = 'a token';
  return explainAnswer(
    access.upstream,
    { status, header, url: new URL(access.upstream.origin) },
    { ...askedOf(access), what },
    now,
  );
}

function explainRefusal(access: Access): RegistryError {
  const answer = { status: 401, header: () => undefined, url: new URL(access.upstream.origin) };
  return explainAnswer(access.upstream, answer, askedOf(access), 0);
}

function askedOf({ scope, credential }: Access): Asked {
  return { what: scope.split(':').slice(1, -1).join(':'), hasCredential: credential !== undefined };
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function keyOf({ upstream, credentialId, scope }: Access): string {
  return `${upstream.domain} ${credentialId} ${scope}`;
}
