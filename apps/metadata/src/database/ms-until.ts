/**
 * SQL for the milliseconds until a time, 0 once it has passed, null where there is none. (`greatest` leaves nulls out:
 * alone it would say 0 for "never", and whoever sleeps that long would never sleep.)
 */
export function msUntil(time: string): string {
  return `(SELECT greatest(0, ceil(extract(epoch FROM due - clock_timestamp()) * 1000))::float8
    FROM (SELECT ${time} AS due) AS next WHERE due IS NOT NULL)`;
}
