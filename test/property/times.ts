export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/**
 * The windows, by the moved clock: so long that no real second counts, and so far apart that one never ends beside
 * another. Between two leaps of the clock every step lets `step` pass.
 */
export const TIMES = {
  step: 65 * SECOND,
  review: 2 * HOUR,
  grace: 30 * MINUTE,
  quiet: HOUR,
  pin: 12 * HOUR,
  plan: 8 * HOUR,
  undo: 2 * DAY,
  pull: 30 * DAY,
} as const;
