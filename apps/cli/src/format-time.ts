const UNITS: readonly [seconds: number, one: string, many: string][] = [
  [365.25 * 86_400, 'year', 'years'],
  [30.44 * 86_400, 'month', 'months'],
  [7 * 86_400, 'week', 'weeks'],
  [86_400, 'day', 'days'],
  [3_600, 'hour', 'hours'],
  [60, 'minute', 'minutes'],
  [1, 'second', 'seconds'],
];

/** `3 days ago`, `in 2 hours`, `now`. What was set to come in a day says so at once: what comes is rounded, what was is whole. */
export function formatMoment(moment: string | null | undefined, nowMs: number): string {
  if (moment === null || moment === undefined) return '';
  const exact = (Date.parse(moment) - nowMs) / 1000;
  const seconds = exact > 0 ? Math.round(exact) : exact;
  if (Number.isNaN(seconds)) return moment;
  const away = Math.abs(seconds);
  const [unit, one, many] = UNITS.find(([unit]) => away >= (unit < 86_400 ? unit : 2 * unit)) ?? [];
  if (unit === undefined) return 'now';
  const count = seconds > 0 ? Math.round(away / unit) : Math.floor(away / unit);
  const words = `${count} ${count === 1 ? one : many}`;
  return seconds < 0 ? `${words} ago` : `in ${words}`;
}

/** Of seconds: `48 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return two(Math.floor(whole / 60), 'min', whole % 60, 's');
  if (whole < 86_400) return two(Math.floor(whole / 3_600), 'h', Math.floor((whole % 3_600) / 60), 'min');
  return two(Math.floor(whole / 86_400), 'd', Math.floor((whole % 86_400) / 3_600), 'h');
}

function two(count: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${count} ${unit}` : `${count} ${unit} ${rest} ${restUnit}`;
}

const AGE = /^([0-9]{1,6})\s*(s|m|h|d|w)$/;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** `24h` or `7d` ago, a day, or a moment of RFC 3339: as the API takes it; undefined where it is none of these. */
export function parseMoment(text: string, nowMs: number): string | undefined {
  const [, count, unit = ''] = AGE.exec(text.trim()) ?? [];
  if (count !== undefined) return new Date(nowMs - Number(count) * (SECONDS[unit] ?? 0) * 1000).toISOString();
  const full = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const at = full ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}
