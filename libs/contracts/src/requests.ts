import { PullBodySchema } from './bodies/pull';
import { RemoveBodySchema } from './bodies/remove';
import { RestoreBodySchema } from './bodies/restore';
import { RollbackBodySchema, TagBodySchema, UntagBodySchema } from './bodies/tag';
import { defineRequest } from './define-message';

export const REQUEST_STREAM = 'ENTREPOT_REQUESTS';
export const REQUEST_SUBJECTS = 'entrepot.request.>';

export const PullRequest = defineRequest('pull', 'Pull an image from its registry and keep it', PullBodySchema);
export const RemoveRequest = defineRequest('remove', 'Remove an image or one of its tags', RemoveBodySchema);
export const TagRequest = defineRequest('tag', 'Give an image that is here a name of this installation', TagBodySchema);
export const UntagRequest = defineRequest('untag', 'Take a name away; the image stays', UntagBodySchema);
export const RollbackRequest = defineRequest(
  'rollback',
  'Have a tag name again what it named before',
  RollbackBodySchema,
);
export const RestoreRequest = defineRequest('restore', 'Have back what was removed, with its tags', RestoreBodySchema);

/** Every request there is, by its verb. */
export const REQUESTS = [
  PullRequest,
  RemoveRequest,
  TagRequest,
  UntagRequest,
  RollbackRequest,
  RestoreRequest,
] as const;
