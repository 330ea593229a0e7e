import { type CollectingTimes, collectsFrom } from './collecting-times';

const at = (text: string) => Date.parse(text);
const nowMs = at('2026-03-04T10:00:00Z');
const always: CollectingTimes = { nowMs, paused: false, awakeMs: 0, windows: [] };
const nightly = { cron: '0 3 * * *', timeZone: 'UTC', hours: 2, firedMs: at('2026-03-04T03:00:00Z') };
const inWindows: CollectingTimes = { ...always, windows: [nightly] };
const weekly = { cron: '0 20 * * 3', timeZone: 'UTC', hours: 1, firedMs: null };

describe('when the collector works', () => {
  it.each<[string, CollectingTimes, string, string]>([
    ['without windows at once', always, '2026-03-04T10:00:00Z', '2026-03-04T10:00:00Z'],
    ['outside of its window when that opens', inWindows, '2026-03-04T10:00:00Z', '2026-03-05T03:00:00Z'],
    ['within a window that comes then', inWindows, '2026-03-05T04:59:00Z', '2026-03-05T04:59:00Z'],
    ['behind it in the next one', inWindows, '2026-03-05T05:00:01Z', '2026-03-06T03:00:00Z'],
    [
      'in the first of several',
      { ...always, windows: [nightly, weekly] },
      '2026-03-04T10:00:00Z',
      '2026-03-04T20:00:00Z',
    ],
    [
      'while something that was removed for good goes',
      { ...inWindows, awakeMs: at('2026-03-05T00:00:00Z') },
      '2026-03-04T23:59:00Z',
      '2026-03-04T23:59:00Z',
    ],
    [
      'in a window that is open now',
      { ...inWindows, nowMs: at('2026-03-04T04:00:00Z') },
      '2026-03-04T04:30:00Z',
      '2026-03-04T04:30:00Z',
    ],
  ])('%s', (_, times, ms, works) => {
    expect(collectsFrom(times, at(ms))).toBe(at(works));
  });

  it('nobody knows while it is paused, nor of what has no time', () => {
    expect(collectsFrom({ ...always, paused: true }, nowMs)).toBeNull();
    expect(collectsFrom(always, null)).toBeNull();
  });
});
