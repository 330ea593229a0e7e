import type { Path } from './path';
import { sides, stepOf } from './source-points';

/** What each path was seen to pass where nothing died, and each start before it was ready. */
export interface Passed {
  readonly byPath: ReadonlyMap<Path, readonly string[]>;
  readonly byStart: readonly string[];
}

/** A path, and the point where it is to die. */
export interface Death {
  readonly path: Path;
  readonly point: string;
  /** The path owns it, and so must pass it. */
  readonly isOwn: boolean;
}

/** What needs a start of its own is done one after the other: each change of settings is two starts more. */
function turnOf({ isFirstStart, settings }: Path): number | undefined {
  if (isFirstStart) return -2;
  return settings && -1;
}

/** All deaths that are to be died at a place, by whoever is free. */
export class DeathQueue {
  private readonly left: Death[];

  /** A point that no path owns is tried on every path that passes it, until one has died there. */
  constructor(
    paths: readonly Path[],
    owned: ReadonlySet<string>,
    { byPath, byStart }: Passed,
    private readonly died: ReadonlySet<string>,
    /** Which of them, and in which order; all in theirs by default. */
    choose: (deaths: Death[]) => Death[] = (deaths) => deaths,
  ) {
    const byTurns = paths.flatMap((path) => {
      const seen = path.after === undefined ? byPath.get(path) : byStart;
      // What goes wrong where nothing dies has been told already.
      if (seen === undefined || seen.length === 0) return [];
      const free = path.after && path.isFirstStart ? [] : seen.filter((point) => !owned.has(stepOf(point)));
      return [
        ...path.owns.flatMap(sides).map((point) => ({ path, point, isOwn: true })),
        ...free.map((point) => ({ path, point, isOwn: false })),
      ].map((death, turn) => ({ death, turn: turnOf(path) ?? turn }));
    });
    // By turns of the paths: where one waits for something, others have work to do.
    this.left = choose(byTurns.sort((one, other) => one.turn - other.turn).map(({ death }) => death));
  }

  take(): Death | undefined {
    for (;;) {
      const death = this.left.shift();
      if (!death || death.isOwn || !this.died.has(death.point)) return death;
    }
  }
}
