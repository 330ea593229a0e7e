import type { Settings } from '#testing/entrepot';
import type { Actions } from './failpoint-file';
import type { PlaceName } from './places';
import type { Victim } from './victim';

/** One way through a path, with things of its own: an image, a request id. */
export interface Walk {
  /** What else goes wrong at other points while it runs. */
  readonly actions?: Actions;
  /** Asks for what passes the points, and waits until it has come about. Throws Died when the program dies. */
  run(): Promise<void>;
  /** What must hold after the next start, however far `run` came; asks again as a person would. May be begun twice. */
  ends(): Promise<void>;
}

/** Something that a program is asked to do, and dies in the middle of. */
export interface Path {
  readonly name: string;
  readonly place: PlaceName;
  /** Steps that it cannot miss. Any other step that it passes is died at too, if no path owns it. */
  readonly owns: readonly string[];
  readonly settings?: Settings;
  /** Each walk has a data folder of its own, which is empty when it begins. */
  readonly isFirstStart?: boolean;
  /** The program dies at this point first; what dies at the others is the start that finds what was left. */
  readonly after?: string;
  prepare(victim: Victim): Promise<Walk>;
}
