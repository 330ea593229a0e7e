import type { RegistryError } from '#oci/registry-error';
import { asksBasic, type BearerChallenge, bearerChallenge, type Challenge } from './bearer-challenge';
import { type Asked, explainAnswer } from './explain-answer';
import { explainFailure } from './explain-failure';
import { readLimited } from './read-limited';
import { type Access, basicHeader, readToken, tokenRequest } from './token-request';
import { discard, type UpstreamAnswer, type UpstreamClient } from './upstream.client';

interface Authorization {
  /** The value of the header. */
  readonly header: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

const RENEW_EARLY_MS = 10_000;
const LONGEST_TOKEN_ANSWER = 256 * 1024;
const MOST_TOKENS = 10_000;
const FOR_EVER = Number.POSITIVE_INFINITY;

/** Authorization for upstreams: one for an upstream, a scope and a credential, kept until 10 s before it ends, asked for once. */
export class TokenClient {
  private readonly held = new Map<string, Authorization>();
  private readonly asking = new Map<string, Promise<string>>();

  constructor(
    private readonly client: UpstreamClient,
    /** For one answer of a token service, in milliseconds. */
    private readonly timeoutMs: number,
    private readonly now: () => number,
  ) {}

  /** The header to send without having been asked for it, if one is held. */
  heldFor(access: Access): string | undefined {
    const held = this.held.get(keyOf(access));
    return held !== undefined && held.until > this.now() ? held.header : undefined;
  }

  /**
   * Answers a 401: with another header than `refused`, which was sent and not accepted, if there is one to be had.
   * Throws UNAUTHORIZED, DENIED, TOOMANYREQUESTS, UNAVAILABLE, UPSTREAM, CANCELLED.
   */
  answerChallenge(
    access: Access,
    challenges: readonly Challenge[],
    refused: string | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const held = this.heldFor(access);
    if (held !== undefined && held !== refused) return Promise.resolve(held);
    const key = keyOf(access);
    this.held.delete(key);
    const asking = this.asking.get(key) ?? this.authorize(access, challenges).finally(() => this.asking.delete(key));
    this.asking.set(key, asking);
    return whileWanted(access, asking, signal);
  }

  private async authorize(access: Access, challenges: readonly Challenge[]): Promise<string> {
    const { credential } = access;
    const bearer = bearerChallenge(challenges);
    if (credential !== undefined && 'token' in credential)
      return this.hold(access, `Bearer ${credential.token}`, FOR_EVER);
    if (bearer !== undefined) return this.askForToken(access, bearer);
    if (asksBasic(challenges) && credential !== undefined && 'username' in credential) {
      return this.hold(access, basicHeader(credential), FOR_EVER);
    }
    throw explainRefusal(access);
  }

  private async askForToken(access: Access, challenge: BearerChallenge): Promise<string> {
    const { upstream } = access;
    const asked = this.now();
    const signal = AbortSignal.timeout(this.timeoutMs);
    const answer = await this.client.send(upstream, tokenRequest(access, challenge, signal));
    if (answer.status !== 200) {
      void discard(answer);
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

/** One answer serves all who wait for it: whoever stops waiting stops nobody else's. */
function whileWanted<T>({ upstream }: Access, answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(explainFailure(upstream, undefined, signal));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** A token service is no storage: what it refuses is the credential, wherever it stands. */
function explainTokenAnswer(access: Access, { status, header }: UpstreamAnswer, now: number): RegistryError {
  if (status >= 400 && status < 404) return explainRefusal(access);
  const answer = { status, header, url: new URL(access.upstream.origin) };
  return explainAnswer(access.upstream, answer, { ...askedOf(access), what: 'a token' }, now);
}

function explainRefusal(access: Access): RegistryError {
  const answer = { status: 401, header: () => undefined, url: new URL(access.upstream.origin) };
  return explainAnswer(access.upstream, answer, askedOf(access), 0);
}

function askedOf({ scope, credential }: Access): Asked {
  return { what: scope.split(':').slice(1, -1).join(':'), hasCredential: credential !== undefined };
}

function keyOf({ upstream, credentialId, scope }: Access): string {
  return `${upstream.domain} ${credentialId} ${scope}`;
}
