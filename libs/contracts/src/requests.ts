import { defineRequest } from './define-message';
import { PullBodySchema, RemoveBodySchema } from './operation';

export const REQUEST_STREAM = 'ENTREPOT_REQUESTS';
export const REQUEST_SUBJECTS = 'entrepot.request.>';

export const PullRequest = defineRequest('pull', 'Pull an image from its registry and keep it', PullBodySchema);
export const RemoveRequest = defineRequest('remove', 'Remove an image or one of its tags', RemoveBodySchema);

/** Every request there is, by its verb. */
export const REQUESTS = [PullRequest, RemoveRequest] as const;
