import { formatDuration, formatMoment, parseMoment } from './format-time';

const NOW = Date.parse('2026-02-10T12:00:00Z');

describe('times', () => {
  it.each([
    ['2026-02-10T12:00:00Z', 'now'],
    ['2026-02-10T11:59:59Z', '1 second ago'],
    ['2026-02-10T11:58:30Z', '1 minute ago'],
    ['2026-02-10T09:00:00Z', '3 hours ago'],
    ['2026-02-09T11:00:00Z', '25 hours ago'],
    ['2026-02-07T12:00:00Z', '3 days ago'],
    ['2026-01-20T12:00:00Z', '3 weeks ago'],
    ['2025-11-10T12:00:00Z', '3 months ago'],
    ['2023-02-10T12:00:00Z', '3 years ago'],
    ['2026-02-10T14:00:00Z', 'in 2 hours'],
    ['2026-02-11T11:59:58Z', 'in 24 hours'],
    ['2026-02-10T12:59:59.900Z', 'in 1 hour'],
    ['2026-02-10T12:00:00.400Z', 'now'],
    ['yesterday', 'yesterday'],
    [null, ''],
  ])('%s is shown as %s', (moment, text) => expect(formatMoment(moment, NOW)).toBe(text));

  it.each([
    [0, '0 s'],
    [59.4, '59 s'],
    [200, '3 min 20 s'],
    [120, '2 min'],
    [7500, '2 h 5 min'],
    [273_600, '3 d 4 h'],
    [Number.POSITIVE_INFINITY, ''],
  ])('%d seconds are shown as %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it.each([
    ['24h', '2026-02-09T12:00:00.000Z'],
    ['7d', '2026-02-03T12:00:00.000Z'],
    ['2w', '2026-01-27T12:00:00.000Z'],
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T12:00:00+01:00', '2026-01-31T11:00:00.000Z'],
  ])('%s is a moment', (text, moment) => expect(parseMoment(text, NOW)).toBe(moment));

  it.each(['', 'h', '-1h', '7 days', '2026', '2026-02-30T99:00:00Z', '1999-13-01', '12:00', '2026-01-31T12:00:00'])(
    '%j is none',
    (text) => expect(parseMoment(text, NOW)).toBeUndefined(),
  );
});
