import { z } from 'zod';
import { wholeNumber } from '#config/whole-number';
import {
  CONTAINER_ACTIONS,
  ContainerActionSchema,
  ContainerCreateBodySchema,
  ContainerNameSchema,
  ContainerOutcomeSchema,
  ContainerPruneBodySchema,
  ContainerPruneOutcomeSchema,
  ContainerRemoveBodySchema,
  ContainerStateSchema,
  LabelFilterSchema,
} from '#contracts/bodies/container';
import { ReporterNameSchema } from '#contracts/bodies/container-report';
import { ContainerSchema } from '#contracts/calls/containers';
import { RunConfigSchema } from '#oci/merge-run-config';
import { RunOverridesSchema } from '#oci/run-overrides';
import type { RestRoute } from '../rest-route';
import { Accepted, after, flag, IdempotencyKey, limit, NextLink, none, referenceQuery } from './route-parts';

/** A container with what it runs. */
export const ContainerDetailsSchema = ContainerSchema.extend({
  overrides: RunOverridesSchema.describe('what it was made with'),
  config: RunConfigSchema.nullable().describe(
    "the image's defaults and the overrides, as Docker puts them together; null where the image's config is not here, and for one that is reported",
  ),
});
export type ContainerDetails = z.output<typeof ContainerDetailsSchema>;

const container = z.strictObject({
  id: ContainerRemoveBodySchema.shape.container,
});
const operationHeader = { Location: 'the operation that did it' };
const Done = { description: 'done', schema: ContainerOutcomeSchema, headers: operationHeader };

export const listContainers = {
  id: 'listContainers',
  method: 'get',
  path: '/api/v1/containers',
  tag: 'containers',
  summary: 'List containers, the newest first',
  params: none,
  query: z.strictObject({
    state: ContainerStateSchema.optional(),
    name: z
      .string()
      .min(1)
      .max(255)
      .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters')
      .optional()
      .describe('a part of their name, in small letters or large ones'),
    label: z
      .string()
      .max(8192)
      .transform((text) => text.split(','))
      .pipe(z.array(LabelFilterSchema).max(20))
      .optional()
      .describe('only those with all of these labels, joined by commas: team=web,!keep'),
    image: referenceQuery('those made from what this reference, digest or id names now').optional(),
    reporter: ReporterNameSchema.optional().describe('only those that it reports'),
    limit,
    after: after(200),
  }),
  answers: {
    200: {
      description: 'a page; by name or label it may be short, or empty, and have a next one',
      schema: z.array(ContainerSchema),
      headers: NextLink,
    },
  },
  problems: [409],
} satisfies RestRoute;

export const createContainer = {
  id: 'createContainer',
  method: 'post',
  path: '/api/v1/containers',
  tag: 'containers',
  summary: 'Make a container of an image, which is pulled first where it is not here',
  params: none,
  query: none,
  headers: IdempotencyKey,
  body: ContainerCreateBodySchema,
  answers: {
    201: {
      description: 'made: its image is here',
      schema: ContainerOutcomeSchema,
      headers: { Location: 'where the container is read' },
    },
    202: { ...Accepted, description: 'taken in: its image is pulled, and the container made with the end of that' },
  },
  problems: [404, 409, 413, 415],
} satisfies RestRoute;

export const readContainer = {
  id: 'readContainer',
  method: 'get',
  path: '/api/v1/containers/{id}',
  tag: 'containers',
  summary: 'A container by its name, its id or the beginning of one, with what it runs',
  params: container,
  query: none,
  answers: { 200: { description: 'the container', schema: ContainerDetailsSchema } },
  problems: [404, 409],
} satisfies RestRoute;

export const renameContainer = {
  id: 'renameContainer',
  method: 'patch',
  path: '/api/v1/containers/{id}',
  tag: 'containers',
  summary: 'Give a container another name',
  params: container,
  query: none,
  headers: IdempotencyKey,
  body: z.strictObject({ name: ContainerNameSchema }),
  answers: { 200: Done },
  problems: [404, 409, 413, 415],
} satisfies RestRoute;

export const removeContainer = {
  id: 'removeContainer',
  method: 'delete',
  path: '/api/v1/containers/{id}',
  tag: 'containers',
  summary: 'Remove a container; its image stays',
  params: container,
  query: z.strictObject({ force: flag.describe('even while it runs') }),
  headers: IdempotencyKey,
  answers: { 200: { ...Done, description: 'as it was' } },
  problems: [404, 409],
} satisfies RestRoute;

export const changeContainer = {
  id: 'changeContainer',
  method: 'post',
  path: '/api/v1/containers/{id}/{action}',
  tag: 'containers',
  summary: `Say what happens to a container: ${CONTAINER_ACTIONS.join(', ')}`,
  params: container.extend({ action: ContainerActionSchema }),
  query: z.strictObject({
    exitCode: wholeNumber(0, 255).optional().describe('with exit, by default 0, and kill, by default 137'),
  }),
  headers: IdempotencyKey,
  answers: { 200: Done },
  problems: [404, 409],
} satisfies RestRoute;

export const pruneContainers = {
  id: 'pruneContainers',
  method: 'post',
  path: '/api/v1/containers/prune',
  tag: 'containers',
  summary: 'Remove the containers that have no process',
  params: none,
  query: none,
  headers: IdempotencyKey,
  body: ContainerPruneBodySchema,
  answers: {
    200: {
      description: 'what went, or with dryRun would go',
      schema: ContainerPruneOutcomeSchema,
      headers: operationHeader,
    },
    202: { ...Accepted, description: 'taken in: of more than a thousand, some go after the others' },
  },
  problems: [409, 413, 415],
} satisfies RestRoute;

export const CONTAINER_ROUTES: readonly RestRoute[] = [
  listContainers,
  createContainer,
  readContainer,
  renameContainer,
  removeContainer,
  changeContainer,
  pruneContainers,
];
