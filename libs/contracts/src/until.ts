import { z } from 'zod';

const UNTIL =
  /^(?:(?:\d{1,5}[wdhms]){1,4}|[12]\d{3}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?)$/;

/** A length of time before now (`36h`, `30d`, `2w`, `1d12h`), or a time in ISO 8601; a date alone is its midnight in UTC. */
export const UntilSchema = z
  .string()
  .regex(UNTIL, 'must be a length of time such as 36h or 30d, or a time such as 2026-01-31T00:00:00Z');
