import { BoundedCache } from '../read/bounded-cache';

/** What was seen within this time is not looked at again, in milliseconds: whoever asks costs the store next to nothing. */
const SAME_LOOK_MS = 10_000;
const KEPT = 10_000;

interface Look {
  readonly at: number;
  /** As many bytes as the key has. */
  readonly bytes: Promise<number>;
}

/** Which keys were in the store a moment ago. */
export class SeenKeys {
  private readonly looks = new BoundedCache<Look>(KEPT);

  /** `look` asks the store for the bytes of a key, and fails where it has none or is away; `now` is in milliseconds. */
  constructor(
    private readonly look: (key: string) => Promise<number>,
    private readonly now: () => number,
  ) {}

  /** Whether the store has so many bytes of it; false also where that cannot be found out. Who asks at once asks once. */
  async has(key: string, bytes: number): Promise<boolean> {
    const kept = this.looks.get(key);
    const look = kept && this.now() - kept.at < SAME_LOOK_MS ? kept : this.begin(key);
    const isThere = (await look.bytes.catch(() => 0)) >= bytes;
    if (!isThere && this.looks.get(key) === look) this.looks.delete(key);
    return isThere;
  }

  private begin(key: string): Look {
    const begun = { at: this.now(), bytes: this.look(key) };
    this.looks.set(key, begun);
    return begun;
  }
}
