import type { ExtentBuffer } from './extent-buffer';
import { Gate } from './gate';

interface Leaving {
  readonly extent: ExtentBuffer;
  readonly done: Promise<void>;
}

/** Extents of one writer on their way to the store: written side by side, committed one after the other. */
export class ExtentQueue {
  private readonly leaving: Leaving[] = [];
  private readonly slots: Gate;

  constructor(
    private readonly parallel: number,
    /** Makes an extent durable and answers its key. */
    private readonly write: (extent: ExtentBuffer) => Promise<string | null>,
    private readonly commit: (extent: ExtentBuffer, key: string | null) => Promise<void>,
  ) {
    this.slots = new Gate(parallel);
  }

  /** Settles when this extent is committed; fails when it or one before it was not. */
  push(extent: ExtentBuffer): Promise<void> {
    const done = this.store(extent, this.leaving.at(-1)?.done ?? Promise.resolve());
    this.leaving.push({ extent, done });
    return done;
  }

  /** Waits until no more extents than the store takes at once are on their way. Throws what failed. */
  async room(): Promise<void> {
    while (this.leaving.length > this.parallel) await this.leaving[0]!.done;
  }

  /** The bytes at `position`, as far as one piece reaches; null if they are not here. */
  piece(position: number): Buffer | null {
    for (const { extent } of this.leaving) {
      const piece = extent.piece(position);
      if (piece) return piece;
    }
    return null;
  }

  /** Waits until every write has ended, whatever became of it. Throws the first failure. */
  async settle(): Promise<void> {
    const results = await Promise.allSettled(this.leaving.map(({ done }) => done));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Lets go of what was not committed, and answers how many bytes it held. */
  drop(): number {
    return this.leaving.splice(0).reduce((sum, { extent }) => sum + extent.length, 0);
  }

  private async store(extent: ExtentBuffer, before: Promise<void>): Promise<void> {
    const writing = this.slots.run(() => this.write(extent));
    const [previous, written] = await Promise.allSettled([before, writing]);
    if (previous.status === 'rejected') throw previous.reason;
    if (written.status === 'rejected') throw written.reason;
    await this.commit(extent, written.value);
    this.leaving.shift();
  }
}
