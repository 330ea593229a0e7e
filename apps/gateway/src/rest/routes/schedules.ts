import { z } from 'zod';
import { ScheduleBodySchema, ScheduleNameSchema, ScheduleSchema } from '#contracts/calls/schedules';
import type { RestRoute } from '../rest-route';
import { after, limit, NextLink, none } from './route-parts';

export const listSchedules = {
  id: 'listSchedules',
  method: 'get',
  path: '/api/v1/schedules',
  tag: 'cleanup',
  summary: 'List schedules by name',
  params: none,
  query: z.strictObject({ limit, after: after(63) }),
  answers: { 200: { description: 'a page', schema: z.array(ScheduleSchema), headers: NextLink } },
  problems: [],
} satisfies RestRoute;

const named = z.strictObject({ name: ScheduleNameSchema.describe('the schedule') });

export const readSchedule = {
  id: 'readSchedule',
  method: 'get',
  path: '/api/v1/schedules/{name}',
  tag: 'cleanup',
  summary: 'When it is next, when it was last, and what came of it',
  params: named,
  query: none,
  answers: { 200: { description: 'the schedule', schema: ScheduleSchema } },
  problems: [404],
} satisfies RestRoute;

export const putSchedule = {
  id: 'putSchedule',
  method: 'put',
  path: '/api/v1/schedules/{name}',
  tag: 'cleanup',
  summary:
    'Have a prune done by the clock, or say when the collector works: each time is done once, and of times that were missed only one',
  params: named,
  query: none,
  body: ScheduleBodySchema,
  answers: {
    200: { description: 'changed', schema: ScheduleSchema },
    201: { description: 'made', schema: ScheduleSchema },
  },
  problems: [409, 413, 415],
} satisfies RestRoute;

export const deleteSchedule = {
  id: 'deleteSchedule',
  method: 'delete',
  path: '/api/v1/schedules/{name}',
  tag: 'cleanup',
  summary: 'Take a schedule away; what it began goes on',
  params: named,
  query: none,
  answers: { 204: { description: 'it is gone' } },
  problems: [404, 409],
} satisfies RestRoute;

export const SCHEDULE_ROUTES: readonly RestRoute[] = [listSchedules, readSchedule, putSchedule, deleteSchedule];
