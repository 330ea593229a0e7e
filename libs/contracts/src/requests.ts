import {
  ContainerChangeBodySchema,
  ContainerCreateBodySchema,
  ContainerPruneBodySchema,
  ContainerRemoveBodySchema,
  ContainerRenameBodySchema,
} from './bodies/container';
import { ContainerReportBodySchema } from './bodies/container-report';
import { PruneBodySchema } from './bodies/prune';
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

export const ContainerCreateRequest = defineRequest(
  'container-create',
  'Make a container of an image, which is pulled first where it is not here',
  ContainerCreateBodySchema,
);
export const ContainerChangeRequest = defineRequest(
  'container-change',
  'Say that a container starts, pauses, goes on, exits, is killed or dies',
  ContainerChangeBodySchema,
);
export const ContainerRenameRequest = defineRequest(
  'container-rename',
  'Give a container another name',
  ContainerRenameBodySchema,
);
export const ContainerRemoveRequest = defineRequest(
  'container-remove',
  'Remove a container; its image stays',
  ContainerRemoveBodySchema,
);
export const ContainerPruneRequest = defineRequest(
  'container-prune',
  'Remove the containers that have no process',
  ContainerPruneBodySchema,
);
export const ContainerReportRequest = defineRequest(
  'container-report',
  'Say everything that an engine or a cluster runs, under a lease that the next report renews',
  ContainerReportBodySchema,
);

export const PruneRequest = defineRequest(
  'prune',
  'Take away images that nothing uses, or carry out the plan of a dry run',
  PruneBodySchema,
);

/** Every request there is, by its verb. */
export const REQUESTS = [
  PullRequest,
  RemoveRequest,
  TagRequest,
  UntagRequest,
  RollbackRequest,
  RestoreRequest,
  ContainerCreateRequest,
  ContainerChangeRequest,
  ContainerRenameRequest,
  ContainerRemoveRequest,
  ContainerPruneRequest,
  ContainerReportRequest,
  PruneRequest,
] as const;
