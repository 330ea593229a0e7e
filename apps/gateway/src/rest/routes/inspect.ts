import { z } from 'zod';
import { InspectImage } from '#contracts/calls/inspect';
import { DigestSchema } from '#oci/digest';
import type { RestRoute } from '../rest-route';
import { none, referenceQuery } from './route-parts';

const inspected = InspectImage.answer.shape;

const layer = z.object({
  digest: DigestSchema,
  mediaType: z.string(),
  size: z.number().int().nonnegative().describe('in bytes'),
  held: z.boolean().describe('its bytes are here'),
});

/** What an image is run with, in the words of the OCI image configuration. */
const config = z.object({
  platform: z.string(),
  created: z.string().nullable(),
  author: z.string().nullable(),
  env: z.array(z.string()),
  entrypoint: z.array(z.string()),
  cmd: z.array(z.string()),
  shell: z.array(z.string()),
  workingDir: z.string(),
  user: z.string(),
  exposedPorts: z.array(z.string()),
  volumes: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  stopSignal: z.string().nullable(),
  healthcheck: z.record(z.string(), z.unknown()).nullable(),
});

const member = z.object({
  platform: z.string().nullable(),
  digest: DigestSchema,
  mediaType: z.string(),
  held: z.boolean().describe('its manifest is here; else it is sparse, and comes when it is asked for'),
  complete: z.boolean().describe('all its bytes are here'),
  size: z.number().int().nonnegative().describe('of its blobs that are here, in bytes'),
});

export const ImageDetailsSchema = z.object({
  repository: inspected.repository,
  tag: inspected.tag.describe('the tag that was asked for'),
  digest: DigestSchema,
  id: DigestSchema.describe("the image's ID: the digest of its manifest or index"),
  kind: inspected.kind,
  mediaType: z.string(),
  artifactType: z.string().nullable(),
  annotations: z.record(z.string(), z.string()),
  subject: inspected.subject.describe('what it refers to: the image that it signs or describes'),
  size: inspected.size.describe('of all its blobs that are here, each once, in bytes'),
  complete: z.boolean().describe('all bytes of every held platform are here'),
  tags: inspected.tags.describe('every name of the digest, in whichever repository'),
  repositories: inspected.repositories,
  containers: inspected.containers.describe('what uses it'),
  source: z.object({ kind: z.enum(['pushed', 'fetched']), upstream: z.string().nullable() }),
  createdAt: inspected.createdAt.describe('when it came here'),
  pulls: inspected.pulls,
  pulledAt: inspected.pulledAt,
  platforms: z.array(member),
  attestations: z.array(member).describe('what its builder says about it (provenance, SBOM)'),
  manifest: DigestSchema.nullable().describe('the manifest that config, history and layers are of'),
  config: config.nullable().describe('null where it is not here, or is no config of an image'),
  history: z.array(
    z.object({
      created: z.string().nullable(),
      createdBy: z.string().nullable(),
      author: z.string().nullable(),
      comment: z.string().nullable(),
      layer: layer.nullable().describe('what the step made; null where it changed no file'),
    }),
  ),
  layers: z.array(layer),
});
export type ImageDetails = z.output<typeof ImageDetailsSchema>;

export const inspectImage = {
  id: 'inspectImage',
  method: 'get',
  path: '/api/v1/images/inspect',
  tag: 'images',
  summary: 'Everything that is known of an image, by a name, a digest, an id or the beginning of one',
  params: none,
  query: z.strictObject({
    reference: referenceQuery('alpine:3, localhost:5050/team/app@sha256:…, an id, or at least four of its digits'),
    platform: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe("which image of an index is looked into, as linux/arm64: without it this machine's, if it is here"),
  }),
  answers: { 200: { description: 'the image', schema: ImageDetailsSchema } },
  problems: [404, 409],
} satisfies RestRoute;

export const INSPECT_ROUTES: readonly RestRoute[] = [inspectImage];
