import { createHash } from 'node:crypto';
import type { Operation } from '#contracts/operation';

/** Operations that one watcher's memory holds: the largest page, and as many beside it that still run. */
const MOST_SEEN = 2000;

interface Seen {
  readonly hash: string;
  readonly isOver: boolean;
}

/** The same for the same operation as long as it does not change. */
export function fingerprint(operation: Operation): string {
  return createHash('sha256').update(JSON.stringify(operation)).digest('base64url');
}

/**
 * What a watcher was told of each operation, as a hash. It is forgotten once the operation has ended and nobody speaks
 * of it any more; past the limit the longest untouched is forgotten first, and at worst told again.
 */
export class SeenOperations {
  private readonly seen = new Map<string, Seen>();

  get size(): number {
    return this.seen.size;
  }

  /** Those of this look that are new or have changed; `looked` is all that was read, in its order. */
  takeNews(looked: readonly Operation[]): Operation[] {
    const news = looked.filter((operation) => this.isNews(operation));
    const ids = new Set(looked.map(({ id }) => id));
    for (const [id, { isOver }] of this.seen) {
      if (this.seen.size > MOST_SEEN || (isOver && !ids.has(id))) this.seen.delete(id);
    }
    return news;
  }

  private isNews(operation: Operation): boolean {
    const { id, endedAt } = operation;
    const hash = fingerprint(operation);
    const isNews = this.seen.get(id)?.hash !== hash;
    this.seen.delete(id);
    this.seen.set(id, { hash, isOver: endedAt !== null });
    return isNews;
  }
}
