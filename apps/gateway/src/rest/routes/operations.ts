import { z } from 'zod';
import {
  OPERATION_BODIES,
  OPERATION_KINDS,
  OperationKindSchema,
  OperationSchema,
  OperationStateSchema,
} from '#contracts/operation';
import type { RestRoute } from '../rest-route';
import { Accepted, after, EventStream, flag, IdempotencyKey, limit, NextLink, none } from './route-parts';

/** What may be asked for: the kind, and the fields of its body beside it. */
export const AskedOperationSchema = z.discriminatedUnion('kind', askedSchemas(), {
  error: ({ code }) => (code === 'invalid_union' ? `must be one of ${OPERATION_KINDS.join(', ')}` : undefined),
});

function askedSchemas() {
  const schemas = OPERATION_KINDS.map((kind) => OPERATION_BODIES[kind].extend({ kind: z.literal(kind) }));
  return schemas as [(typeof schemas)[number], ...typeof schemas];
}

export const acceptOperation = {
  id: 'acceptOperation',
  method: 'post',
  path: '/api/v1/operations',
  tag: 'operations',
  summary:
    'Have something done: pull, tag, remove an image and so on; what needs nobody else has been done in the answer',
  params: none,
  query: none,
  headers: IdempotencyKey,
  body: AskedOperationSchema,
  answers: { 202: Accepted },
  problems: [404, 409, 410, 412, 413, 415],
} satisfies RestRoute;

export const listOperations = {
  id: 'listOperations',
  method: 'get',
  path: '/api/v1/operations',
  tag: 'operations',
  summary: 'List operations, the newest first; with `live`, watch them instead',
  params: none,
  query: z.strictObject({
    kind: OperationKindSchema.optional().describe(
      'only these; without it, all but container-report, which machines ask for again and again',
    ),
    state: OperationStateSchema.optional(),
    limit,
    after: after(100),
    live: flag.describe('answer server-sent events: what is there now, then what changes'),
  }),
  answers: {
    200: {
      description: 'a page; with `live`, server-sent events as of one operation, without an end',
      schema: z.array(OperationSchema),
      headers: NextLink,
      mediaType: EventStream.mediaType,
    },
  },
  problems: [],
} satisfies RestRoute;

const operation = z.strictObject({ id: z.uuid().describe('the operation') });

export const readOperation = {
  id: 'readOperation',
  method: 'get',
  path: '/api/v1/operations/{id}',
  tag: 'operations',
  summary: 'How an operation goes, with its progress in bytes',
  params: operation,
  query: none,
  answers: { 200: { description: 'the operation', schema: OperationSchema } },
  problems: [404],
} satisfies RestRoute;

export const cancelOperation = {
  id: 'cancelOperation',
  method: 'delete',
  path: '/api/v1/operations/{id}',
  tag: 'operations',
  summary: 'Call an operation off: at once while it waits, soon while it runs',
  params: operation,
  query: none,
  answers: { 202: { description: 'called off', schema: OperationSchema } },
  problems: [404, 409],
} satisfies RestRoute;

export const watchOperation = {
  id: 'watchOperation',
  method: 'get',
  path: '/api/v1/operations/{id}/events',
  tag: 'operations',
  summary: 'Watch an operation until it ends',
  params: operation,
  query: none,
  answers: { 200: EventStream, 204: { description: 'it has ended, and `Last-Event-ID` says that this is known' } },
  problems: [404],
} satisfies RestRoute;

export const OPERATION_ROUTES: readonly RestRoute[] = [
  acceptOperation,
  listOperations,
  readOperation,
  cancelOperation,
  watchOperation,
];
