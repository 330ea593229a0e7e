import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RunOverridesSchema } from '#oci/run-overrides';
import { ContainerStateSchema, LabelFilterSchema } from '../bodies/container';
import { ReporterNameSchema } from '../bodies/container-report';
import { defineCall } from '../define-call';
import { plainText } from '../plain-text';

/** A container as lists show it. */
export const ContainerSchema = z.object({
  id: z.string(),
  name: z.string(),
  image: z.object({
    repository: z.string(),
    digest: DigestSchema.describe('what it was made from, whatever its tag names since'),
    tag: z.string().nullable().describe('the tag it was made by'),
    manifest: DigestSchema.nullable().describe('the image of its platform, where the digest is an index'),
    tagNames: DigestSchema.nullable().describe('what that tag names now; null where it is gone'),
    moved: z.boolean().describe('that tag names another image now, or is gone'),
    removed: z.boolean().describe('its names were taken away by force; its content stays while this container does'),
  }),
  state: ContainerStateSchema,
  exitCode: z.number().int().nullable(),
  labels: z
    .record(z.string(), z.string())
    .describe("its own, and beside them its image's, as soon as that one's config was read"),
  reporter: z.string().nullable().describe('who reports it; null for one that was made here'),
  reportedId: z.string().nullable().describe('its id where it runs'),
  principal: z.string(),
  createdAt: z.iso.datetime(),
  startedAt: z.iso.datetime().nullable(),
  finishedAt: z.iso.datetime().nullable(),
  changedAt: z.iso.datetime(),
});
export type Container = z.output<typeof ContainerSchema>;

export const ContainerFilterSchema = z.object({
  state: ContainerStateSchema.optional(),
  name: plainText(255).optional().describe('a part of its name'),
  labels: z.array(LabelFilterSchema).max(20).default([]),
  image: plainText(512).optional().describe('a reference, digest or id: those made from what it names now'),
  reporter: ReporterNameSchema.optional(),
});
export type ContainerFilter = z.output<typeof ContainerFilterSchema>;

/** Newest first; `after` is the `next` of the page before. */
export const ListContainers = defineCall('metadata.list-containers', {
  question: ContainerFilterSchema.extend({
    after: plainText(200).optional(),
    limit: z.number().int().min(1).max(1000),
  }),
  answer: z.object({ containers: z.array(ContainerSchema), next: z.string().nullable() }),
});

/**
 * By name, id or the beginning of one. `config`: where the bytes of its image's config lie, which metadata does not
 * have; null where they are not here. Throws NOT_FOUND, and CONFLICT where several ids begin so.
 */
export const ReadContainer = defineCall('metadata.read-container', {
  question: z.object({ container: plainText(400) }),
  answer: z.object({
    container: ContainerSchema,
    overrides: RunOverridesSchema,
    config: z.object({ digest: DigestSchema, object: z.uuid(), size: z.number().int() }).nullable(),
  }),
});
