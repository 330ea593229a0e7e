import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { MOST_NAMES } from '../bodies/remove';
import { defineCall } from '../define-call';
import { PrincipalSchema } from '../principal';

/** What somebody removed and can still have back. */
export const TrashEntrySchema = z.object({
  id: z.uuid().describe('by which it is brought back'),
  repository: z.string(),
  digest: DigestSchema,
  tags: z.array(z.string()).max(MOST_NAMES).describe('the first of the tags that were taken away'),
  tagCount: z.number().int().nonnegative().describe('how many there are'),
  whole: z.boolean().describe('whether the image lost its last name, not one of several'),
  removedAt: z.iso.datetime(),
  removedBy: PrincipalSchema,
  operation: z.uuid().nullable().describe('the operation that removed it'),
  until: z.iso.datetime().describe('when it goes for good'),
});
export type TrashEntry = z.output<typeof TrashEntrySchema>;

/** What can be brought back at this moment, what stays longest first; `after` is the `next` of the page before. */
export const ListTrash = defineCall('metadata.list-trash', {
  question: z.object({
    repository: RepositoryNameSchema.optional(),
    after: z.uuid().optional(),
    limit: z.number().int().min(1).max(1000),
  }),
  answer: z.object({ entries: z.array(TrashEntrySchema), next: z.uuid().nullable() }),
});
