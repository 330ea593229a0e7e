import { lastTime, nextTime } from './next-time';

const at = (time: string) => new Date(time);

describe('the next time of a schedule', () => {
  it.each([
    ['0 3 * * *', 'UTC', '2026-01-01T03:00:00Z', '2026-01-02T03:00:00.000Z'],
    ['0 3 * * *', 'Europe/Berlin', '2026-01-01T00:00:00Z', '2026-01-01T02:00:00.000Z'],
    ['0 3 * * *', 'Europe/Berlin', '2026-07-01T00:00:00Z', '2026-07-01T01:00:00.000Z'],
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00.000Z'],
    ['0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['@daily', 'UTC', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00.000Z'],
  ])('%s in %s after %s is %s', (cron, zone, now, next) => {
    expect(nextTime(cron, zone, at(now)).toISOString()).toBe(next);
  });

  it.each([
    ['an hour that clocks leave out', '30 2 * * *', '2026-03-28T12:00:00Z', 4, ['29T01:00', '30T00:30', '31T00:30']],
    ['an hour that clocks repeat', '30 2 * * *', '2026-10-24T12:00:00Z', 4, ['25T00:30', '26T01:30', '27T01:30']],
    ['each hour, forward', '0 * * * *', '2026-03-28T23:30:00Z', 3, ['29T00:00', '29T01:00', '29T02:00']],
  ])('%s comes once a day, at what the clocks show', (_, cron, from, _days, expected) => {
    let now = at(from);
    const times = expected.map(() => {
      now = nextTime(cron, 'Europe/Berlin', now);
      return now.toISOString().slice(8, 16);
    });
    expect(times).toEqual(expected);
  });

  it.each([
    ['0 3 * * *', 'UTC', '2026-01-01T03:00:00Z', '2026-01-05T12:00:00Z', '2026-01-05T03:00:00.000Z'],
    ['0 3 * * *', 'UTC', '2026-01-01T03:00:00Z', '2026-01-01T03:00:00.400Z', '2026-01-01T03:00:00.000Z'],
    ['0 3 * * *', 'UTC', '2026-01-01T03:00:00Z', '2026-01-02T02:59:59.999Z', '2026-01-01T03:00:00.000Z'],
    ['0 3 * * *', 'Europe/Berlin', '2026-03-27T02:00:00Z', '2026-03-29T12:00:00Z', '2026-03-29T01:00:00.000Z'],
    ['0 3 * * *', 'Europe/Berlin', '2026-10-23T01:00:00Z', '2026-10-25T12:00:00Z', '2026-10-25T02:00:00.000Z'],
    ['0 0 29 2 *', 'UTC', '2024-02-29T00:00:00Z', '2026-01-01T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('%s in %s since %s came last before %s at %s', (cron, zone, first, now, last) => {
    expect(lastTime(cron, zone, at(first), at(now)).toISOString()).toBe(last);
  });

  it('an hour that clocks repeat counts once', () => {
    const first = nextTime('30 2 * * *', 'Europe/Berlin', at('2026-10-24T12:00:00Z'));
    const second = nextTime('30 2 * * *', 'Europe/Berlin', first);
    expect(second.getTime() - first.getTime()).toBeGreaterThan(20 * 3_600_000);
  });

  it.each([
    ['0 0 30 2 *', 'UTC', 'cron'],
    ['61 * * * *', 'UTC', 'cron'],
    ['* * * * * *', 'UTC', 'cron'],
    ['x', 'UTC', 'cron'],
    ['0 3 * * FOO', 'UTC', 'cron'],
    ['0 3 * * *', 'Mars/Phobos', 'timeZone'],
    ['0 3 * * *', '../etc/passwd', 'timeZone'],
    ['0 3 * * *', '', 'timeZone'],
  ])('%s in %j is refused, naming %s', (cron, zone, field) => {
    expect(() => nextTime(cron, zone, at('2026-01-01T00:00:00Z'))).toThrow(
      expect.objectContaining({ code: 'INVALID', detail: expect.objectContaining({ field }) }),
    );
  });
});
