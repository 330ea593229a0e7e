import { nextTime } from './next-time';

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
