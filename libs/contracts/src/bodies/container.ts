import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RunOverridesSchema } from '#oci/run-overrides';
import { typedText } from '../plain-text';
import { UntilSchema } from '../until';
import { referenceText } from './reference-text';
import { MOST_NAMES } from './remove';

export const CONTAINER_STATES = ['created', 'running', 'paused', 'exited', 'dead'] as const;
export const ContainerStateSchema = z.enum(CONTAINER_STATES);
export type ContainerState = z.output<typeof ContainerStateSchema>;

export const CONTAINER_ACTIONS = ['start', 'restart', 'pause', 'unpause', 'exit', 'kill', 'die'] as const;
export const ContainerActionSchema = z.enum(CONTAINER_ACTIONS);
export type ContainerAction = z.output<typeof ContainerActionSchema>;

export const ContainerNameSchema = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$/, 'must be 2 to 128 of a-z, A-Z, 0-9, _ . -, a letter or digit first');

/** Names of reported containers have their reporter before a slash. */
const containerText = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_./-]{0,318}$/, 'must be a name, an id or the beginning of one')
  .describe('a container: its name, its id or the beginning of one');

export const ContainerCreateBodySchema = z.strictObject({
  image: referenceText('what it uses, as one types it for docker create; what is not here is pulled first'),
  name: ContainerNameSchema.optional().describe('made up where absent'),
  platform: typedText(100)
    .optional()
    .describe('which image of an index, such as linux/arm64; by default that of this host'),
  ...RunOverridesSchema.shape,
});
export type ContainerCreateBody = z.output<typeof ContainerCreateBodySchema>;

export const ContainerChangeBodySchema = z.strictObject({
  container: containerText,
  action: ContainerActionSchema,
  exitCode: z.number().int().min(0).max(255).optional().describe('with exit, by default 0, and kill, by default 137'),
});
export type ContainerChangeBody = z.output<typeof ContainerChangeBodySchema>;

export const ContainerRenameBodySchema = z.strictObject({ container: containerText, name: ContainerNameSchema });
export type ContainerRenameBody = z.output<typeof ContainerRenameBodySchema>;

export const ContainerRemoveBodySchema = z.strictObject({
  container: containerText,
  force: z.boolean().default(false).describe('even while it runs; its image stays'),
});
export type ContainerRemoveBody = z.output<typeof ContainerRemoveBodySchema>;

export const LabelFilterSchema = z
  .string()
  .max(4096)
  .refine((text) => !/[\0\p{Cs}]/u.test(text), 'must not contain U+0000 or half a surrogate pair')
  .regex(/^!?[^=!]/, 'must be key, key=value, or one of these after ! for all others');

export const ContainerPruneBodySchema = z.strictObject({
  until: UntilSchema.optional().describe('only those created so long ago (36h, 30d), or before that time'),
  labels: z
    .array(LabelFilterSchema)
    .max(20)
    .default([])
    .describe(
      "only those with all of these labels, their own or their image's: key, key=value; !key: only those without",
    ),
  dryRun: z.boolean().default(false).describe('remove nothing, and say what would go'),
});
export type ContainerPruneBody = z.output<typeof ContainerPruneBodySchema>;

/** The container that was made, changed or removed. */
export const ContainerOutcomeSchema = z.object({
  container: z.string(),
  name: z.string(),
  state: ContainerStateSchema,
  repository: z.string(),
  digest: DigestSchema,
  tag: z.string().nullable(),
});
export type ContainerOutcome = z.output<typeof ContainerOutcomeSchema>;

/** What a prune removed, or with `dryRun` would remove, by their first names and a count. */
export const ContainerPruneOutcomeSchema = z.object({
  containers: z.array(z.object({ container: z.string(), name: z.string() })).max(MOST_NAMES),
  count: z.number().int().nonnegative(),
  dryRun: z.boolean(),
});
export type ContainerPruneOutcome = z.output<typeof ContainerPruneOutcomeSchema>;
