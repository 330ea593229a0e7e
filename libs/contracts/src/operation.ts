import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
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
import { PrincipalSchema } from './principal';

/** `accepted` → `running` → one of the three ends; a failed attempt goes back to `accepted` until its next. */
export const OperationStateSchema = z.enum(['accepted', 'running', 'completed', 'failed', 'cancelled']);
export type OperationState = z.output<typeof OperationStateSchema>;

/** Every kind of operation and its body; REST, messages and the claim all parse with these. */
export const OPERATION_BODIES = {
  pull: PullBodySchema,
  remove: RemoveBodySchema,
  tag: TagBodySchema,
  untag: UntagBodySchema,
  rollback: RollbackBodySchema,
  restore: RestoreBodySchema,
  'container-create': ContainerCreateBodySchema,
  'container-change': ContainerChangeBodySchema,
  'container-rename': ContainerRenameBodySchema,
  'container-remove': ContainerRemoveBodySchema,
  'container-prune': ContainerPruneBodySchema,
  'container-report': ContainerReportBodySchema,
  prune: PruneBodySchema,
} as const;
export type OperationKind = keyof typeof OPERATION_BODIES;
export const OPERATION_KINDS = Object.keys(OPERATION_BODIES) as [OperationKind, ...OperationKind[]];
export const OperationKindSchema = z.enum(OPERATION_KINDS);
/** The body of an operation, defaults filled in. */
export type OperationBody<Kind extends OperationKind = OperationKind> = z.output<(typeof OPERATION_BODIES)[Kind]>;

/** Why it failed: a code for programs, a message for people that says what to do next. */
export const OperationErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  detail: z.unknown().optional(),
});
export type OperationError = z.output<typeof OperationErrorSchema>;

/** One blob of the image on its way. Sizes are bytes. */
export const LayerProgressSchema = z.object({
  digest: DigestSchema,
  size: z.number().int().nonnegative(),
  done: z.number().int().nonnegative(),
  state: z.enum(['held', 'filling', 'waiting', 'failed']),
});

export const OperationSchema = z.object({
  id: z.uuid(),
  principal: PrincipalSchema,
  requestId: z.string(),
  kind: OperationKindSchema,
  body: z.record(z.string(), z.unknown()),
  state: OperationStateSchema,
  attempts: z.number().int().nonnegative(),
  acceptedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().nullable(),
  endedAt: z.iso.datetime().nullable(),
  nextAttemptAt: z.iso.datetime().nullable().describe('when a failed attempt is tried again'),
  image: z
    .object({ repository: z.string(), tag: z.string().nullable(), digest: DigestSchema })
    .nullable()
    .describe('what the reference named, once known'),
  bytesDone: z.number().int().nonnegative(),
  bytesTotal: z.number().int().nonnegative(),
  layers: z.array(LayerProgressSchema),
  error: OperationErrorSchema.nullable(),
  outcome: z.record(z.string(), z.unknown()).nullable(),
});
export type Operation = z.output<typeof OperationSchema>;

/** What machines ask for again and again is in lists only where its kind is asked for: else nothing else would be. */
export const UNLISTED_KIND: OperationKind = 'container-report';

export function isListed({ kind }: Pick<Operation, 'kind'>, asked: OperationKind | undefined): boolean {
  return asked === undefined ? kind !== UNLISTED_KIND : kind === asked;
}
