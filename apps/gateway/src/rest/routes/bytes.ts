import { z } from 'zod';
import { referenceText } from '#contracts/bodies/reference-text';
import { BlobReferencesSchema, SharedLayersSchema } from '#contracts/calls/references';
import { RepositoryUsageSchema, UsageSchema } from '#contracts/calls/usage';
import { DigestSchema } from '#oci/digest';
import type { RestRoute } from '../rest-route';
import { after, flag, limit, NextLink, none } from './route-parts';

export const readBlob = {
  id: 'readBlob',
  method: 'get',
  path: '/api/v1/blobs/{digest}',
  tag: 'bytes',
  summary: 'What is known of a blob: who may read it, which images list it, and what keeps it',
  params: z.strictObject({ digest: DigestSchema }),
  query: none,
  answers: { 200: { description: 'the blob; of what very many refer to it, some', schema: BlobReferencesSchema } },
  problems: [404],
} satisfies RestRoute;

export const listSharedLayers = {
  id: 'listSharedLayers',
  method: 'get',
  path: '/api/v1/layers/shared',
  tag: 'bytes',
  summary: 'Which other images have layers of this one: bytes that are kept once',
  params: none,
  query: z.strictObject({
    reference: referenceText('the image: a name, a digest, an id or the beginning of one'),
    limit,
    after: after(140),
  }),
  answers: {
    200: {
      description: 'the image, its layers, and a page of the others',
      schema: SharedLayersSchema,
      headers: NextLink,
    },
  },
  problems: [404, 409],
} satisfies RestRoute;

export const readUsage = {
  id: 'readUsage',
  method: 'get',
  path: '/api/v1/usage',
  tag: 'bytes',
  summary: 'What the store holds, in bytes: in all, by kind, and by repository, the largest first',
  params: none,
  query: z.strictObject({
    fresh: flag.describe('have it counted now and wait; else it is as of `asOf`, which a large store is now and then'),
    limit,
    after: after(50),
  }),
  answers: {
    200: {
      description: 'what was counted, with a page of the repositories',
      schema: UsageSchema.extend({ repositories: z.array(RepositoryUsageSchema) }),
      headers: NextLink,
    },
  },
  problems: [],
} satisfies RestRoute;

export const BYTE_ROUTES: readonly RestRoute[] = [readBlob, listSharedLayers, readUsage];
