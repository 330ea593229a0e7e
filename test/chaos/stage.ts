import type { Calls } from '#calls/calls';
import { type Settings, SHORT_TIMES } from '#testing/entrepot';
import type { Warehouse } from '#testing/warehouse';
import type { Misfortune } from './misfortune';

/** What runs, and what can happen to it. */
export interface Stage {
  readonly warehouse: Warehouse;
  /** Of each gateway. */
  readonly urls: readonly string[];
  /** By what they are called. */
  readonly misfortunes: ReadonlyMap<string, Misfortune>;
  /** Who has ended without being killed. */
  ended(): readonly string[];
  /** Starts one of them again, as Compose and a service manager do. */
  revive(name: string): Promise<void>;
  call<T>(run: (calls: Calls) => Promise<T>): Promise<T>;
  /** Has the store lose keys of it; where it can. */
  readonly lose?: (keys: readonly string[]) => Promise<void>;
  /** Of one of them, or of all. */
  lastLines(name?: string): string;
  stop(): Promise<void>;
}

/** What is removed can be had back until the end; all else that waits is short. */
export const SETTINGS: Settings = {
  ...SHORT_TIMES,
  ENTREPOT_UNDO_MS: '7200000',
  ENTREPOT_PIN_MS: '2000',
  ENTREPOT_ATTEMPTS: '100',
  ENTREPOT_EXTENT_BYTES: String(1024 * 1024),
  ENTREPOT_FIRST_EXTENT_BYTES: String(256 * 1024),
  ENTREPOT_HOT_BLOB_BYTES: '4096',
  ENTREPOT_COMPOSE_SWEEP_MS: '500',
  ENTREPOT_TAG_TTL_MS: '500',
  ENTREPOT_S3_TIMEOUT_MS: '5000',
  ENTREPOT_SCRUB_EVERY_MS: '5000',
  ENTREPOT_SCRUB_SWEEP_MS: '1000',
};

const LINES = 12;

/** The last lines of what somebody said. */
export const tail = (log: string) => log.split('\n').slice(-LINES).join('\n');
