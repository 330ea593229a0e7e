import { z } from 'zod';
import { count } from '#config/whole-number';
import { ImageSchema } from '#contracts/calls/images';
import {
  OperationKindSchema,
  OperationSchema,
  OperationStateSchema,
  PullBodySchema,
  RemoveBodySchema,
} from '#contracts/operation';
import { RepositoryNameSchema } from '#oci/repository-name';
import type { RestRoute } from './rest-route';

const none = z.strictObject({});

const limit = count(100, 1000).describe('how many at most on this page');
const after = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[\x21-\x7e]+$/, 'must be the `next` of the page before')
    .optional()
    .describe('the `next` of the page before; its Link header has it already');
const flag = z
  .enum(['', 'true', 'false'], { error: 'must be true or false' })
  .default('false')
  .transform((text) => text !== 'false');

const NextLink = { Link: 'the next page, `rel="next"`; absent on the last' };
const Accepted = {
  description: 'taken in: it is committed, and will be completed, failed with a reason, or cancelled',
  schema: OperationSchema,
  headers: { Location: 'where the operation is read' },
};
const EventStream = {
  description:
    'server-sent events: `operation` with the operation as JSON, each time it changed; where it ends too early, connect again',
  mediaType: 'text/event-stream',
};
const IdempotencyKey = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,256}$/, 'must be 1 to 256 visible ASCII characters')
    .optional()
    .describe('asking twice under one key does it once; another body under the same key is a conflict'),
});

/** What may be asked for: the kind, and the fields of its body beside it. */
export const AskedOperationSchema = z.discriminatedUnion(
  'kind',
  [PullBodySchema.extend({ kind: z.literal('pull') }), RemoveBodySchema.extend({ kind: z.literal('remove') })],
  { error: ({ code }) => (code === 'invalid_union' ? 'must be one of pull, remove' : undefined) },
);

export const acceptOperation = {
  id: 'acceptOperation',
  method: 'post',
  path: '/api/v1/operations',
  tag: 'operations',
  summary: 'Have something done: pull an image, remove one',
  params: none,
  query: none,
  headers: IdempotencyKey,
  body: AskedOperationSchema,
  answers: { 202: Accepted },
  problems: [404, 409, 413, 415],
} satisfies RestRoute;

export const listOperations = {
  id: 'listOperations',
  method: 'get',
  path: '/api/v1/operations',
  tag: 'operations',
  summary: 'List operations, the newest first; with `live`, watch them instead',
  params: none,
  query: z.strictObject({
    kind: OperationKindSchema.optional(),
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
  answers: { 200: EventStream },
  problems: [404],
} satisfies RestRoute;

export const listImages = {
  id: 'listImages',
  method: 'get',
  path: '/api/v1/images',
  tag: 'images',
  summary: 'List what is held, by repository and digest',
  params: none,
  query: z.strictObject({
    repository: RepositoryNameSchema.optional().describe('only this one, as it is stored: docker.io/library/node'),
    limit,
    after: after(1000),
  }),
  answers: { 200: { description: 'a page', schema: z.array(ImageSchema), headers: NextLink } },
  problems: [],
} satisfies RestRoute;

export const removeImage = {
  id: 'removeImage',
  method: 'delete',
  path: '/api/v1/images',
  tag: 'images',
  summary: 'Remove an image or one of its tags',
  params: none,
  query: z.strictObject({
    reference: RemoveBodySchema.shape.reference,
    force: flag.describe('take the names away even while a container uses the image'),
    now: flag.describe('skip the review delay and the undo window; never the grace or a pin'),
  }),
  headers: IdempotencyKey,
  answers: { 202: Accepted },
  problems: [404, 409],
} satisfies RestRoute;

/** Every route of the REST API. */
export const REST_ROUTES: readonly RestRoute[] = [
  acceptOperation,
  listOperations,
  readOperation,
  cancelOperation,
  watchOperation,
  listImages,
  removeImage,
];
