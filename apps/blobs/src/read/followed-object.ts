import type { Extent, ReadObject } from '#contracts/calls/sessions';
import type { AnswerOf } from '#contracts/define-call';
import { byOffset } from '../upload/extent-coverage';

export type ObjectView = AnswerOf<typeof ReadObject>;

/** What a writer has in memory and has not committed, here or in another process: readable at once, verified by nobody yet. */
export interface Tail {
  /** The bytes at `position`, as far as one piece reaches; null if they are not here. */
  piece(position: number): Buffer | null;
  /** Somebody begins to wait for extents, who has nothing of what is in memory. */
  hurry(): void;
}

/**
 * An object that is being written, as this process knows it: rows, the tail of a writer that is here, and whoever
 * waits for more. It is told by that writer at once, and by asking `metadata` where the writer is another replica's.
 */
export class FollowedObject {
  followers = 0;
  tail: Tail | null = null;
  /** Where the process of its writer answers, by the rows as they were read last; null where nobody knows. */
  writer: string | null;
  /** Why no more will come. */
  failure: Error | null = null;
  private extents: readonly Extent[];
  private followedElsewhereUntil = Number.NEGATIVE_INFINITY;
  private readonly waiting = new Set<() => void>();

  constructor(
    readonly id: string,
    private known: ObjectView,
  ) {
    this.extents = byOffset(known.extents);
    this.writer = known.writer;
  }

  get view(): ObjectView {
    return this.known;
  }

  /** Committed extents, ordered by offset. */
  get committed(): readonly Extent[] {
    return this.extents;
  }

  get settled(): boolean {
    return this.known.state !== 'uploading';
  }

  /** Whether anybody follows, here or, as they said lately, on another replica. `now` as `performance.now` has it. */
  isFollowed(now: number): boolean {
    return this.followers > 0 || now < this.followedElsewhereUntil;
  }

  /** Another replica says that it follows. */
  followElsewhere(now: number, forMs: number): void {
    const isNew = now >= this.followedElsewhereUntil;
    this.followedElsewhereUntil = now + forMs;
    if (isNew) this.tail?.hurry();
  }

  /** Rows as they were read: they may be older than what a writer of this process has said since. */
  learn(view: ObjectView): void {
    this.writer = view.writer;
    const grown = view.extents.length > this.extents.length || (view.state !== 'uploading' && !this.settled);
    if (!grown) return;
    this.known = view;
    this.extents = byOffset(view.extents);
    this.changed();
  }

  commit(extent: Extent): void {
    if (this.extents.some((known) => known.offset === extent.offset)) return;
    this.extents = byOffset([...this.extents, extent]);
    this.changed();
  }

  settle(digest: ObjectView['digest'], size: number): void {
    this.known = { ...this.known, state: 'live', digest, size, extents: [...this.extents] };
    this.changed();
  }

  fail(reason: Error): void {
    this.failure ??= reason;
    this.changed();
  }

  changed(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Resolves at the next change, or when the signal is aborted. */
  async nextChange(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    let wake = () => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
    this.waiting.delete(wake);
    signal.removeEventListener('abort', wake);
  }
}
