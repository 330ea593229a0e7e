import { createHmac } from 'node:crypto';
import type { Source } from '#contracts/calls/manifests';
import type { DockerLogins } from './docker-logins.client';
import type { Credential } from './upstream-file';
import type { Upstream } from './upstreams';

export interface Identity {
  readonly credential: Credential | undefined;
  /** What the outside knows of it: see SourceSchema. */
  readonly id: Source['credential'];
}

const ANONYMOUS: Identity = { credential: undefined, id: 'anonymous' };
const LOGIN_LIFE_MS = 5 * 60_000;
const MOST_LOGINS = 1_000;

/** As whom an upstream is asked: as its configuration says, else as Docker's logins say where those may be used. */
export class Credentials {
  private readonly logins = new Map<string, { identity: Promise<Identity>; until: number }>();

  constructor(
    private readonly secret: Uint8Array,
    private readonly dockerLogins: DockerLogins | undefined,
    private readonly now: () => number,
  ) {}

  async of(upstream: Upstream): Promise<Identity> {
    if (upstream.credential !== undefined) return this.identify(upstream, upstream.credential);
    return this.dockerLogins === undefined ? ANONYMOUS : this.login(upstream, this.dockerLogins);
  }

  private login(upstream: Upstream, logins: DockerLogins): Promise<Identity> {
    const known = this.logins.get(upstream.domain);
    if (known !== undefined && known.until > this.now()) return known.identity;
    const identity = logins.find(upstream.domain).then((found) => (found ? this.identify(upstream, found) : ANONYMOUS));
    if (this.logins.size >= MOST_LOGINS) this.logins.clear();
    this.logins.set(upstream.domain, { identity, until: this.now() + LOGIN_LIFE_MS });
    identity.catch(() => this.logins.delete(upstream.domain));
    return identity;
  }

  /**
   * A user stays the same when the password is renewed; a token is all that is known of its owner. Sealed with the
   * key that all services share, so that every fetcher gives one credential one id, and nobody can try secrets on it.
   */
  private identify(upstream: Upstream, credential: Credential): Identity {
    const owner = 'username' in credential ? ['user', credential.username] : ['secret', secretOf(credential)];
    const seal = createHmac('sha256', this.secret).update(JSON.stringify(['credential', upstream.domain, ...owner]));
    return { credential, id: seal.digest('hex').slice(0, 32) };
  }
}

function secretOf(credential: Exclude<Credential, { username: string }>): string {
  return 'token' in credential ? credential.token : credential.identityToken;
}
