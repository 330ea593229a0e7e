import { lastTime, nextTime } from './next-time';

/** When the collector works, in milliseconds since 1970. */
export interface CollectingTimes {
  readonly nowMs: number;
  readonly paused: boolean;
  /** It does not rest before then: something was removed for good. */
  readonly awakeMs: number;
  /** Without any it works at all times. */
  readonly windows: readonly CollectingWindow[];
}

export interface CollectingWindow {
  readonly cron: string;
  readonly timeZone: string;
  readonly hours: number;
  /** When it opened last. */
  readonly firedMs: number | null;
}

const HOUR_MS = 60 * 60 * 1000;
const LONG_AGO = new Date(0);

/** The first time from `ms` on at which the collector works; null while it is paused, since nobody knows. */
export function collectsFrom(times: CollectingTimes, ms: number | null): number | null {
  if (ms === null || times.paused) return null;
  const { windows, awakeMs, nowMs } = times;
  if (windows.length === 0 || ms < awakeMs || windows.some((window) => isOpen(window, ms, nowMs))) return ms;
  return Math.min(...windows.map(({ cron, timeZone }) => nextTime(cron, timeZone, new Date(ms)).getTime()));
}

/** One that has begun is open where somebody opened it: what was missed in an absence is not made up for. */
function isOpen({ cron, timeZone, hours, firedMs }: CollectingWindow, ms: number, nowMs: number): boolean {
  if (firedMs !== null && ms < firedMs + hours * HOUR_MS) return true;
  const openedMs = lastTime(cron, timeZone, LONG_AGO, new Date(ms)).getTime();
  return openedMs > nowMs && ms < openedMs + hours * HOUR_MS;
}
