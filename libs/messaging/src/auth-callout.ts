import { type Msg, type NatsConnection, nkeys, type Subscription } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';
import { z } from 'zod';
import { StartFault } from '#config/start-fault';
import { type Principal, PrincipalSchema } from '#contracts/principal';
import type { Bus } from './bus';
import { LastingFault } from './lasting-fault';
import { type KeyPair, readClaims, signClaims } from './nats-jwt';
import { PRINCIPALS, principalRights } from './principal-rights';

/** Whether somebody who says to be this principal is, by the password. Throws where nobody can tell now. */
export type Admits = (principal: Principal, password: string) => Promise<boolean>;

const SUBJECT = '$SYS.REQ.USER.AUTH';
/** One of all that listen is asked. */
const QUEUE = 'entrepot';
/** All users there may be come back at once after the bus was away; whoever piles up more than that is refused. */
const MOST_WAITING = 2_000;
const AT_ONCE = 2;
/** The server asks for so long, in milliseconds: what waited longer is refused already, and looking at it helps nobody. */
const ASKED_FOR_MS = 5_000;

const AskedSchema = z.object({
  nats: z.object({
    user_nkey: z.string(),
    server_id: z.object({ id: z.string() }),
    connect_opts: z.object({ user: z.string().optional(), pass: z.string().optional() }),
  }),
});
type Asked = z.output<typeof AskedSchema>['nats'];

/**
 * Answers the servers of the bus who ask whether to let somebody in that they do not know (`auth_callout`). Nobody is
 * let in while nobody answers; who is in stays.
 */
export class AuthCallout {
  private readonly log = new Logger('Bus logins');
  private readonly refused = new LastingFault(this.log);
  private readonly waiting: { readonly message: Msg; readonly since: number }[] = [];
  private readonly forget: () => void;
  private subscription: Subscription | null = null;
  private running = 0;

  constructor(
    bus: Bus,
    private readonly issuer: KeyPair,
    private readonly admits: Admits,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.forget = bus.link.onConnect((connection, isNew) => isNew && this.listen(connection));
  }

  stop(): void {
    this.forget();
    this.subscription?.unsubscribe();
  }

  private listen(connection: NatsConnection): void {
    this.subscription = connection.subscribe(SUBJECT, {
      queue: QUEUE,
      callback: (error, message) => {
        if (error) this.log.warn(`cannot answer for the users of the bus: ${error.message}`);
        else this.queue(message);
      },
    });
  }

  private queue(message: Msg): void {
    if (this.waiting.length >= MOST_WAITING) return void this.answer(message, async () => false);
    this.waiting.push({ message, since: this.now() });
    void this.work();
  }

  private async work(): Promise<void> {
    if (this.running >= AT_ONCE) return;
    this.running += 1;
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      if (this.now() - next.since < ASKED_FOR_MS) await this.answer(next.message, this.admits);
    }
    this.running -= 1;
  }

  private async answer(message: Msg, admits: Admits): Promise<void> {
    const { data } = AskedSchema.safeParse(readClaims(message.string()));
    if (!data) return void this.refused.warn('a question about a user of the bus cannot be read');
    const { user_nkey: sub, server_id } = data.nats;
    const jwt = await this.userOf(data.nats, admits);
    const nats = { type: 'authorization_response', version: 2, ...(jwt ? { jwt } : { error: 'refused' }) };
    try {
      message.respond(signClaims(this.issuer, { sub, aud: server_id.id, nats }));
    } catch (error) {
      // The connection that it came by is closed: its server lets nobody in without an answer.
      this.refused.warn(`a login on the bus could not be answered: ${(error as Error).message}`);
    }
  }

  /** What the server is to let in, and with which rights; null for nobody. */
  private async userOf({ connect_opts, user_nkey: sub }: Asked, admits: Admits): Promise<string | null> {
    const { data: principal } = PrincipalSchema.safeParse(connect_opts.user);
    if (!principal) return null;
    if (!(await this.isAdmitted(principal, connect_opts.pass ?? '', admits))) return null;
    const limits = { subs: -1, data: -1, payload: -1 };
    const nats = { type: 'user', version: 2, ...limits, ...principalRights(principal) };
    return signClaims(this.issuer, { sub, name: principal, aud: PRINCIPALS, nats });
  }

  private async isAdmitted(principal: Principal, password: string, admits: Admits): Promise<boolean> {
    try {
      if (await admits(principal, password)) return true;
      this.refused.warn(`a login as ${principal} was refused`, 'refused');
    } catch (error) {
      this.refused.warn(`nobody new is let in on the bus: ${(error as Error).message}`);
    }
    return false;
  }
}

/** Reads the seed of an account's key. Throws StartFault, which does not say it. */
export function readIssuer(seed: string, setting: string): KeyPair {
  try {
    const key = nkeys.fromSeed(Buffer.from(seed.trim()));
    if (key.getPublicKey().startsWith('A')) return key;
  } catch {
    // Said below, without what the library says.
  }
  throw new StartFault(`${setting}: is no seed of an account's key, which begins with SA.`);
}
