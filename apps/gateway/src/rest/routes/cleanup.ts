import { z } from 'zod';
import { PruneBodySchema } from '#contracts/bodies/prune';
import { PlanItemSchema, PlanSchema } from '#contracts/calls/plans';
import { CleanupSchema, GC_RUN_KINDS, GcRunSchema } from '#contracts/calls/runs';
import type { RestRoute } from '../rest-route';
import { Accepted, after, IdempotencyKey, limit, NextLink, none } from './route-parts';

export const prune = {
  id: 'prune',
  method: 'post',
  path: '/api/v1/prune',
  tag: 'cleanup',
  summary: 'Take away images that nothing uses; with `dryRun`, plan it: what would go, and why',
  params: none,
  query: none,
  headers: IdempotencyKey,
  body: PruneBodySchema.omit({ plan: true }),
  answers: {
    200: {
      description: 'the plan of a dry run',
      schema: PlanSchema,
      headers: { Location: 'where its items are read' },
    },
    202: Accepted,
  },
  problems: [409, 413, 415],
} satisfies RestRoute;

const plan = z.strictObject({ id: z.uuid().describe('the plan') });

export const readPlan = {
  id: 'readPlan',
  method: 'get',
  path: '/api/v1/plans/{id}',
  tag: 'cleanup',
  summary: 'A plan, and its items by repository and digest: what goes, why, and what became of it',
  params: plan,
  query: z.strictObject({ limit, after: after(1000) }),
  answers: {
    200: {
      description: 'the plan with a page of its items',
      schema: PlanSchema.extend({ list: z.array(PlanItemSchema) }),
      headers: NextLink,
    },
  },
  problems: [404],
} satisfies RestRoute;

export const applyPlan = {
  id: 'applyPlan',
  method: 'post',
  path: '/api/v1/plans/{id}/apply',
  tag: 'cleanup',
  summary: 'Carry out a plan as it was read: what is otherwise by then is left alone, and said',
  params: plan,
  query: none,
  headers: IdempotencyKey,
  answers: { 202: Accepted },
  problems: [403, 404, 409],
} satisfies RestRoute;

export const listRuns = {
  id: 'listRuns',
  method: 'get',
  path: '/api/v1/gc/runs',
  tag: 'cleanup',
  summary: 'Runs of cleanup, the newest first',
  params: none,
  query: z.strictObject({ kind: z.enum(GC_RUN_KINDS).optional(), limit, after: after(36) }),
  answers: { 200: { description: 'a page', schema: z.array(GcRunSchema), headers: NextLink } },
  problems: [],
} satisfies RestRoute;

export const readRun = {
  id: 'readRun',
  method: 'get',
  path: '/api/v1/gc/runs/{id}',
  tag: 'cleanup',
  summary: 'What a run of cleanup saw, kept and why, and took',
  params: z.strictObject({ id: z.uuid().describe('the run') }),
  query: none,
  answers: { 200: { description: 'the run', schema: GcRunSchema } },
  problems: [404],
} satisfies RestRoute;

export const readCleanup = {
  id: 'readCleanup',
  method: 'get',
  path: '/api/v1/gc',
  tag: 'cleanup',
  summary: 'Whether cleanup works, and what waits for it',
  params: none,
  query: none,
  answers: { 200: { description: 'how cleanup stands', schema: CleanupSchema } },
  problems: [],
} satisfies RestRoute;

export const pauseCleanup = {
  id: 'pauseCleanup',
  method: 'post',
  path: '/api/v1/gc/pause',
  tag: 'cleanup',
  summary: 'Stop cleanup until it is resumed: nothing is removed, condemned or purged, on any replica',
  params: none,
  query: none,
  answers: { 200: { description: 'how cleanup stands', schema: CleanupSchema } },
  problems: [],
} satisfies RestRoute;

export const resumeCleanup = {
  id: 'resumeCleanup',
  method: 'post',
  path: '/api/v1/gc/resume',
  tag: 'cleanup',
  summary: 'Let cleanup go on',
  params: none,
  query: none,
  answers: { 200: { description: 'how cleanup stands', schema: CleanupSchema } },
  problems: [],
} satisfies RestRoute;

export const CLEANUP_ROUTES: readonly RestRoute[] = [
  prune,
  readPlan,
  applyPlan,
  readCleanup,
  pauseCleanup,
  resumeCleanup,
  listRuns,
  readRun,
];
