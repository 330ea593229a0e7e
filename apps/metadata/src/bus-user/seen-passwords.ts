import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Principal } from '#contracts/principal';

interface Seen {
  /** As it is kept in the database. */
  readonly hash: string;
  readonly seal: Buffer;
}

/**
 * Passwords that this process has found right, sealed with a key of its own: all who come back after the bus was away are
 * let in at once, and whoever guesses costs next to nothing, where each would cost a look at a hash that is slow on purpose.
 */
export class SeenPasswords {
  private readonly key = randomBytes(32);
  private readonly seen = new Map<Principal, Seen>();

  constructor(private readonly most: number) {}

  /** Undefined where only the hash can tell. */
  isRight(principal: Principal, hash: string, password: string): boolean | undefined {
    const seen = this.seen.get(principal);
    return seen?.hash === hash ? timingSafeEqual(seen.seal, this.seal(password)) : undefined;
  }

  note(principal: Principal, hash: string, password: string): void {
    const [oldest] = this.seen.keys();
    if (oldest !== undefined && this.seen.size >= this.most) this.seen.delete(oldest);
    this.seen.set(principal, { hash, seal: this.seal(password) });
  }

  private seal(password: string): Buffer {
    return createHmac('sha256', this.key).update(password).digest();
  }
}
