import type { FactBounds, LoggedFact } from '#messaging/fact-log';

/** Where a listener is: in which stream, and the last fact of it that it was told of or that passed it by. */
export interface FactCursor {
  readonly stream: string;
  readonly after: number;
  /** When the stream took that fact, in milliseconds since 1970; null where that is not known. */
  readonly at: number | null;
}

/** The newest facts that one process has in its memory, at most: for all who listen now. */
const MOST_FACTS = 2_000;
const MOST_CHARACTERS = 8 * 1024 * 1024;

/** The end of the stream of facts, as far as it was read, for many listeners at once. */
export class FactTail {
  private facts: LoggedFact[] = [];
  private characters = 0;
  private cursor: FactCursor | null = null;
  /** All facts after this one are here. */
  private since = 0;

  /** Where reading goes on; null before it has begun. */
  get end(): FactCursor | null {
    return this.cursor;
  }

  /** Begins at the end of this stream; keeps what is here where it is the same one. */
  begin(bounds: FactBounds): void {
    if (this.cursor?.stream !== bounds.stream) this.beginAnew(bounds);
  }

  /** As `begin`, and keeps nothing: an older copy of the stream is in its place. */
  beginAnew({ stream, last, lastAt }: FactBounds): void {
    this.facts = [];
    this.characters = 0;
    this.since = last;
    this.cursor = { stream, after: last, at: lastAt };
  }

  append(facts: readonly LoggedFact[]): void {
    const last = facts.at(-1);
    if (!this.cursor || !last) return;
    this.facts.push(...facts);
    for (const { text } of facts) this.characters += text.length;
    this.cursor = { stream: this.cursor.stream, after: last.sequence, at: last.at };
    let gone = 0;
    while (this.facts.length - gone > MOST_FACTS || this.characters > MOST_CHARACTERS) {
      const { text, sequence } = this.facts[gone]!;
      this.characters -= text.length;
      this.since = sequence;
      gone += 1;
    }
    if (gone > 0) this.facts.splice(0, gone);
  }

  /** The facts after this one; null where not all of them are here. */
  after({ stream, after }: Pick<FactCursor, 'stream' | 'after'>): readonly LoggedFact[] | null {
    if (this.cursor?.stream !== stream || after < this.since) return null;
    return this.facts.slice(firstAfter(this.facts, after));
  }
}

function firstAfter(facts: readonly LoggedFact[], after: number): number {
  let [low, high] = [0, facts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (facts[middle]!.sequence <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
