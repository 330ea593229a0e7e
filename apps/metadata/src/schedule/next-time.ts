import { Cron } from 'croner';
import { invalidField } from '#oci/registry-error';

/**
 * The first time after `now` that a cron line names by the clocks of a time zone. What a change of clocks leaves out is
 * done when the gap ends, and what it repeats is done once. Throws INVALID for a line or a zone that there is not, and
 * for a line that never comes.
 */
export function nextTime(cron: string, timeZone: string, now: Date): Date {
  const next = readCron(cron, timeZone, (line) => line.nextRun(now));
  if (next === null) throw invalidField('cron', 'must name a time that comes');
  return next;
}

/** Of the times since `first`, which is one and has come, the last one that has. */
export function lastTime(cron: string, timeZone: string, first: Date, now: Date): Date {
  const last = readCron(cron, timeZone, (line) => line.previousRuns(1, now)[0]);
  return last && last > first ? last : first;
}

function readCron<T>(cron: string, timezone: string, read: (line: Cron) => T): T {
  checkZone(timezone);
  try {
    return read(new Cron(cron, { timezone, mode: '5-part', paused: true }));
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Cron\w+: /, '').slice(0, 200) : 'it cannot be read';
    throw invalidField('cron', `must be a cron line of five fields: ${why}`);
  }
}

function checkZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    throw invalidField('timeZone', 'must be an IANA time zone such as Europe/Berlin');
  }
}
