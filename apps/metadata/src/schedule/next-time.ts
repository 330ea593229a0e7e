import { Cron } from 'croner';
import { invalidField } from '#oci/registry-error';

/**
 * The first time after `now` that a cron line names by the clocks of a time zone. What a change of clocks leaves out is
 * done when the gap ends, and what it repeats is done once. Throws INVALID for a line or a zone that there is not, and
 * for a line that never comes.
 */
export function nextTime(cron: string, timeZone: string, now: Date): Date {
  checkZone(timeZone);
  const next = readNext(cron, timeZone, now);
  if (next === null) throw invalidField('cron', 'must name a time that comes');
  return next;
}

function readNext(cron: string, timezone: string, now: Date): Date | null {
  try {
    return new Cron(cron, { timezone, mode: '5-part', paused: true }).nextRun(now);
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
