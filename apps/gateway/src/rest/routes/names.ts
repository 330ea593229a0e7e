import { z } from 'zod';
import { RollbackBodySchema, TagBodySchema, TagOutcomeSchema, UntagBodySchema } from '#contracts/bodies/tag';
import { HeldTagSchema, RepositorySchema, TagMoveSchema } from '#contracts/calls/names';
import { PATTERN_READS, RepositoryPatternSchema, TagPatternSchema } from '#contracts/name-pattern';
import { RepositoryNameSchema } from '#oci/repository-name';
import type { RestRoute } from '../rest-route';
import { after, IdempotencyKey, limit, NextLink, none } from './route-parts';

const page = { headers: NextLink, description: 'a page; with a filter it may be short, or empty, and have a next one' };

const Conditions = IdempotencyKey.extend({
  'if-match': z
    .string()
    .optional()
    .describe('what the tag must name now: a digest in quotes, or one of several; `*`: anything; else nothing is done'),
  'if-none-match': z
    .string()
    .optional()
    .describe('`*`: the tag must be new; digests in quotes: it must name none of these; else nothing is done'),
});
const Moved = {
  description: 'what it named before and names now; either is null where there was, or is, none',
  schema: TagOutcomeSchema,
  headers: { Location: 'the operation that did it', ETag: 'what it names now' },
};

export const listRepositories = {
  id: 'listRepositories',
  method: 'get',
  path: '/api/v1/repositories',
  tag: 'names',
  summary: 'List repositories, with what was counted of each',
  params: none,
  query: z.strictObject({
    name: RepositoryPatternSchema.optional().describe(`only those that match, such as team/*: ${PATTERN_READS}`),
    kind: z.enum(['local', 'upstream']).optional().describe("only our own, or only upstreams'"),
    upstream: z
      .string()
      .min(1)
      .max(255)
      .regex(/^[\x21-\x7e]+$/, 'must be the host of a registry')
      .optional()
      .describe('only those of this registry, such as docker.io'),
    private: z
      .enum(['true', 'false'], { error: 'must be true or false' })
      .transform((text) => text === 'true')
      .optional()
      .describe('only those that were fetched with a credential, or only the others'),
    limit,
    after: after(255),
  }),
  answers: { 200: { ...page, schema: z.array(RepositorySchema) } },
  problems: [],
} satisfies RestRoute;

export const listTags = {
  id: 'listTags',
  method: 'get',
  path: '/api/v1/tags',
  tag: 'names',
  summary: 'List the tags of a repository: what each names, since when, by whom',
  params: none,
  query: z.strictObject({
    repository: RepositoryNameSchema.describe('as it is stored: docker.io/library/node'),
    name: TagPatternSchema.optional().describe('only those that match, such as 22-*'),
    limit,
    after: after(128),
  }),
  answers: { 200: { ...page, schema: z.array(HeldTagSchema) } },
  problems: [404],
} satisfies RestRoute;

export const tagImage = {
  id: 'tagImage',
  method: 'put',
  path: '/api/v1/tags',
  tag: 'names',
  summary: 'Give an image that is here a name of this installation, or move that name to it',
  params: none,
  query: none,
  headers: Conditions,
  body: TagBodySchema.omit({ expected: true }),
  answers: { 200: Moved, 201: { ...Moved, description: 'the tag is new' } },
  problems: [404, 409, 412, 413, 415],
} satisfies RestRoute;

export const untagImage = {
  id: 'untagImage',
  method: 'delete',
  path: '/api/v1/tags',
  tag: 'names',
  summary: 'Take a name away; the image stays, for as long as untagged ones do',
  params: none,
  query: z.strictObject({ reference: UntagBodySchema.shape.reference }),
  headers: Conditions,
  answers: { 200: { ...Moved, headers: { Location: Moved.headers.Location } } },
  problems: [404, 409, 412],
} satisfies RestRoute;

export const rollBackTag = {
  id: 'rollBackTag',
  method: 'post',
  path: '/api/v1/tags/rollback',
  tag: 'names',
  summary: 'Have a tag name again what it named before',
  params: none,
  query: none,
  headers: Conditions,
  body: RollbackBodySchema.omit({ expected: true }),
  answers: { 200: Moved },
  problems: [404, 409, 412, 413, 415],
} satisfies RestRoute;

export const listTagMoves = {
  id: 'listTagMoves',
  method: 'get',
  path: '/api/v1/tags/history',
  tag: 'names',
  summary: 'What a tag named, the newest first, also after it was taken away',
  params: none,
  query: z.strictObject({
    reference: UntagBodySchema.shape.reference.describe('the tag, as one types it: node:22, localhost:5050/team/app:1'),
    limit,
    after: after(20),
  }),
  answers: { 200: { description: 'a page', schema: z.array(TagMoveSchema), headers: NextLink } },
  problems: [404],
} satisfies RestRoute;

export const NAME_ROUTES: readonly RestRoute[] = [
  listRepositories,
  listTags,
  tagImage,
  untagImage,
  rollBackTag,
  listTagMoves,
];
