import { invalidField } from '#oci/registry-error';

/** Not wanted for so many milliseconds, or since a time. */
export type Until = { readonly forMs: number } | { readonly since: string };

const UNIT_MS: Readonly<Record<string, number>> = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 };

/** Postgres keeps no time so long ago; nobody has an image that old. */
const LONGEST_MS = 36_500 * 86_400_000;

/** What its schema lets through, and what is more than a matter of form. Throws INVALID, naming `field`. */
export function readUntil(text: string, field = 'until'): Until {
  if (/^\d{4}-/.test(text)) return { since: readTime(text, field) };
  const parts = [...text.matchAll(/(\d+)([wdhms])/g)];
  const forMs = parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit!]!, 0);
  if (forMs > LONGEST_MS) throw invalidField(field, 'must be at most 36500d');
  return { forMs };
}

/** A date alone is its midnight in UTC. `Date` takes the 31st of any month, and makes it the next one's first. */
function readTime(text: string, field: string): string {
  const time = new Date(text);
  const day = Number(text.slice(8, 10));
  const daysOfMonth = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  if (Number.isNaN(time.getTime()) || day > daysOfMonth) throw invalidField(field, 'must be a time that there is');
  return time.toISOString();
}
