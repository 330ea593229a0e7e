import { z } from 'zod';
import { RemoveBodySchema } from '#contracts/bodies/remove';
import { ImageSchema } from '#contracts/calls/images';
import { RepositoryNameSchema } from '#oci/repository-name';
import type { RestRoute } from '../rest-route';
import { Accepted, after, flag, IdempotencyKey, limit, NextLink, none } from './route-parts';

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

export const IMAGE_ROUTES: readonly RestRoute[] = [listImages, removeImage];
