import type { Calls } from '#calls/calls';
import type { Settings } from '#testing/entrepot';
import type { ProgramExit } from '#testing/run-program';
import type { Answer } from '#testing/warehouse';

/** What dies and is started again: one process with its children, or one of five services. */
export interface Program {
  readonly url: string;
  /** Where each of its processes says whether it is ready: of one that was started anew others may know nothing yet. */
  readonly processUrls: readonly string[];
  /** For whoever gives no name. */
  readonly natsUrl: string;
  /** Its bytes lie below `blobs/`, and the password of its bus is in `nats/`. */
  readonly data: string;
  /** Nobody outlives a death, and asks again meanwhile. */
  readonly diesWhole: boolean;
  readonly log: string;
  /** What each of its processes has written to stderr in this life: there they say what they pass. */
  readonly errors: readonly string[];
  /** Resolves when this life is over: the first of its processes has ended. */
  readonly exited: Promise<ProgramExit>;
  /** Begins the next life, without waiting until it is ready. */
  relaunch(settings: Settings): Promise<void>;
  /** SIGKILL to all of it that runs; the servers that it stands on go on. */
  kill(): Promise<void>;
  stop(): Promise<ProgramExit>;
  destroy(): Promise<void>;
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Asks the services what people do not. */
  call<T>(run: (calls: Calls) => Promise<T>): Promise<T>;
}

export type Launch = (settings: Settings) => Promise<Program>;
