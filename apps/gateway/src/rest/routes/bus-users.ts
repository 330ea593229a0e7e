import { z } from 'zod';
import { BusUserBodySchema, BusUserNameSchema, BusUserSchema, NewBusUserSchema } from '#contracts/calls/bus-users';
import type { RestRoute } from '../rest-route';
import { after, limit, NextLink, none } from './route-parts';

export const createBusUser = {
  id: 'createBusUser',
  method: 'post',
  path: '/api/v1/bus-users',
  tag: 'bus users',
  summary: 'Let somebody ask on the bus in a name of its own; the password is in this answer alone',
  params: none,
  query: none,
  body: BusUserBodySchema,
  answers: {
    201: {
      description: 'made: it can log in at once',
      schema: NewBusUserSchema,
      headers: { Location: 'where it is read' },
    },
  },
  problems: [409, 413, 415],
} satisfies RestRoute;

export const listBusUsers = {
  id: 'listBusUsers',
  method: 'get',
  path: '/api/v1/bus-users',
  tag: 'bus users',
  summary: 'List the users of the bus by name',
  params: none,
  query: z.strictObject({ limit, after: after(63) }),
  answers: { 200: { description: 'a page', schema: z.array(BusUserSchema), headers: NextLink } },
  problems: [],
} satisfies RestRoute;

const named = z.strictObject({ name: BusUserNameSchema.describe('the user') });

export const readBusUser = {
  id: 'readBusUser',
  method: 'get',
  path: '/api/v1/bus-users/{name}',
  tag: 'bus users',
  summary: 'Who made it, and when',
  params: named,
  query: none,
  answers: { 200: { description: 'the user', schema: BusUserSchema } },
  problems: [404],
} satisfies RestRoute;

export const deleteBusUser = {
  id: 'deleteBusUser',
  method: 'delete',
  path: '/api/v1/bus-users/{name}',
  tag: 'bus users',
  summary: 'Let it ask no more: its connections are ended; what it asked for goes on',
  params: named,
  query: none,
  answers: { 204: { description: 'it is gone' } },
  problems: [404],
} satisfies RestRoute;

export const BUS_USER_ROUTES: readonly RestRoute[] = [createBusUser, listBusUsers, readBusUser, deleteBusUser];
