import { z } from 'zod';
import { RemoveBodySchema } from '#contracts/bodies/remove';
import { ImageSchema, ImageSortSchema, MOST_SORTED } from '#contracts/calls/images';
import { MomentSchema } from '#contracts/moment';
import { PATTERN_READS, RepositoryPatternSchema, TagPatternSchema } from '#contracts/name-pattern';
import { OperationSchema } from '#contracts/operation';
import type { RestRoute } from '../rest-route';
import { Accepted, after, flag, IdempotencyKey, limit, NextLink, none } from './route-parts';

/** Unsaid: either. */
const choice = z
  .enum(['', 'true', 'false'], { error: 'must be true or false' })
  .transform((text) => text !== 'false')
  .optional();
const moment = MomentSchema.optional();
const bytes = z
  .string()
  .regex(/^[0-9]{1,15}$/, 'must be a whole number of bytes')
  .transform(Number)
  .optional();
const labelText = z
  .string()
  .min(1)
  .max(4400)
  .refine((text) => !/\p{Cc}/u.test(text), 'must not contain control characters');

export const listImages = {
  id: 'listImages',
  method: 'get',
  path: '/api/v1/images',
  tag: 'images',
  summary: 'List what is held, narrowed and sorted',
  params: none,
  query: z.strictObject({
    repository: RepositoryPatternSchema.optional().describe(
      `as it is stored, docker.io/library/node, or a pattern such as docker.io/**: ${PATTERN_READS}`,
    ),
    tag: TagPatternSchema.optional().describe('images with such a tag; * and ? stand for others'),
    label: z
      .array(labelText)
      .max(16)
      .optional()
      .describe('images with this label: key, or key=value; given several times, with all of them'),
    platform: z.string().min(1).max(100).optional().describe('images for it: linux/arm64'),
    dangling: choice.describe('without any tag, or with one'),
    inUse: choice.describe('a container uses it, or none does'),
    before: moment.describe('came here before'),
    since: moment.describe('came here then or later'),
    minSize: bytes.describe('in bytes, of what is here of it'),
    maxSize: bytes.describe('in bytes, of what is here of it'),
    sort: ImageSortSchema.default('name').describe(
      `name; or the newest, the last pulled, the largest first: by pulled and size at most ${MOST_SORTED} images`,
    ),
    limit,
    after: after(1000),
  }),
  answers: {
    200: {
      description: 'a page; with a filter it may be short, or empty, and have a next one',
      schema: z.array(ImageSchema),
      headers: NextLink,
    },
  },
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
    reference: RemoveBodySchema.shape.reference.unwrap(),
    force: flag.describe('take the names away even while a container uses the image'),
    withContainers: flag.describe('remove the containers that use the image too, those that have stopped'),
    withRunning: flag.describe('with withContainers: those that run as well'),
    now: flag.describe('skip the review delay and the undo window; never the grace or a pin. First answers what goes'),
    confirm: RemoveBodySchema.shape.confirm,
  }),
  headers: IdempotencyKey,
  answers: {
    200: {
      description: 'it is done: `outcome` says what',
      schema: OperationSchema,
      headers: { Location: 'where the operation is read' },
    },
    202: Accepted,
  },
  problems: [404, 409, 412],
} satisfies RestRoute;

export const IMAGE_ROUTES: readonly RestRoute[] = [listImages, removeImage];
