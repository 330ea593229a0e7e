import { z } from 'zod';
import { PruneWithinSchema } from '../bodies/prune';
import { defineCall } from '../define-call';
import { PrincipalSchema } from '../principal';

export const ScheduleNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9, . _ and -, beginning with a letter or a digit');

/** Collection is what deletes: reviews of what lost its names, and purges. */
export const CollectionWindowSchema = z.strictObject({
  hours: z.int().min(1).max(168).default(2).describe('for so many hours from then on the collector works'),
});

const body = z.strictObject({
  cron: z
    .string()
    .overwrite((line) => line.trim().replace(/\s+/g, ' '))
    .regex(
      /^(?:@(?:yearly|monthly|weekly|daily|hourly)|[0-9A-Za-z*,/#?-]{1,60}(?: [0-9A-Za-z*,/#?-]{1,60}){4})$/,
      'must be five fields such as 0 3 * * 1-5 (minute, hour, day, month, day of the week), or @daily',
    )
    .describe('minute, hour, day of the month, month, day of the week: 0 3 * * *; or @daily, @weekly and so on'),
  timeZone: z.string().max(64).default('UTC').describe('an IANA time zone, whose clocks count: Europe/Berlin'),
  prune: PruneWithinSchema.optional().describe('a prune is done then, of what these say'),
  collection: CollectionWindowSchema.optional().describe(
    'the collector works then; where there is such a schedule, it rests at all other times',
  ),
  enabled: z.boolean().default(true),
});

/** When something is done, and what: a prune, or collecting. */
export const ScheduleBodySchema = body.superRefine(({ prune, collection }, context) => {
  if (prune && collection)
    context.addIssue({ code: 'custom', path: ['collection'], message: 'cannot be beside prune: make two schedules' });
  if (!prune && !collection)
    context.addIssue({
      code: 'custom',
      path: ['prune'],
      message: 'must be there, or collection: they say what is done',
    });
});
export type ScheduleBody = z.output<typeof ScheduleBodySchema>;

export const ScheduleSchema = body.extend({
  name: z.string(),
  source: z.enum(['rest', 'configuration']).describe('what is set in the configuration is changed there only'),
  dueAt: z.iso.datetime().nullable().describe('when it is next; null while it is not enabled'),
  firedAt: z.iso.datetime().nullable(),
  firedOperation: z
    .uuid()
    .nullable()
    .describe('the operation of the last time, also of one that was refused; collecting has none'),
  firedError: z.string().nullable().describe('why the last time was refused'),
});
export type Schedule = z.output<typeof ScheduleSchema>;

/** By name; `after` is the `next` of the page before. */
export const ListSchedules = defineCall('metadata.list-schedules', {
  question: z.object({ after: ScheduleNameSchema.optional(), limit: z.number().int().min(1).max(1000) }),
  answer: z.object({ schedules: z.array(ScheduleSchema), next: z.string().nullable() }),
});

export const ReadSchedule = defineCall('metadata.read-schedule', {
  question: z.object({ name: ScheduleNameSchema }),
  answer: z.object({ schedule: ScheduleSchema.nullable() }),
});

/** Throws INVALID for a cron line that never comes or a time zone that there is not, CONFLICT for a configured one. */
export const PutSchedule = defineCall('metadata.put-schedule', {
  question: z.object({ principal: PrincipalSchema, name: ScheduleNameSchema, body: ScheduleBodySchema }),
  answer: z.object({ schedule: ScheduleSchema, created: z.boolean() }),
});

/** Throws CONFLICT for a configured one. */
export const DeleteSchedule = defineCall('metadata.delete-schedule', {
  question: z.object({ name: ScheduleNameSchema }),
  answer: z.object({ deleted: z.boolean() }),
});

/** Has accepted what is due, each time once however many ask. Times that were missed are made up for once. */
export const FireSchedules = defineCall('metadata.fire-schedules', {
  question: z.object({}),
  answer: z.object({ fired: z.number().int(), nextInMs: z.number().nullable() }),
  deadlineMs: 30_000,
});
