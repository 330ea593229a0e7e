import { z } from 'zod';
import { RestoreBodySchema, RestoreOutcomeSchema } from '#contracts/bodies/restore';
import { TrashEntrySchema } from '#contracts/calls/trash';
import { RepositoryNameSchema } from '#oci/repository-name';
import type { RestRoute } from '../rest-route';
import { IdempotencyKey, limit, NextLink, none } from './route-parts';

export const listTrash = {
  id: 'listTrash',
  method: 'get',
  path: '/api/v1/trash',
  tag: 'trash',
  summary: 'List what was removed and can be had back, what stays longest first',
  params: none,
  query: z.strictObject({
    repository: RepositoryNameSchema.optional().describe('only of this one, as it is stored: team/app'),
    limit,
    after: z.uuid().optional().describe('the `next` of the page before; its Link header has it already'),
  }),
  answers: { 200: { description: 'a page', schema: z.array(TrashEntrySchema), headers: NextLink } },
  problems: [],
} satisfies RestRoute;

export const restoreTrash = {
  id: 'restoreTrash',
  method: 'post',
  path: '/api/v1/trash/{id}/restore',
  tag: 'trash',
  summary: 'Have back what was removed: all of its tags, or, where one names something else now, nothing',
  params: RestoreBodySchema,
  query: none,
  headers: IdempotencyKey,
  answers: {
    200: {
      description: 'it is back',
      schema: RestoreOutcomeSchema,
      headers: { Location: 'where the operation is read' },
    },
  },
  problems: [404, 409, 410],
} satisfies RestRoute;

export const TRASH_ROUTES: readonly RestRoute[] = [listTrash, restoreTrash];
