import { z } from 'zod';
import { ExplainWhy, WhySchema } from '#contracts/calls/why';
import type { RestRoute } from '../rest-route';
import { none } from './route-parts';

export const explainWhy = {
  id: 'explainWhy',
  method: 'get',
  path: '/api/v1/why',
  tag: 'cleanup',
  summary: 'Why an image or a blob is kept, with the way from what keeps it; or when it goes',
  params: none,
  query: z.strictObject({ reference: ExplainWhy.question.shape.reference }),
  answers: { 200: { description: 'what keeps it now, and when it goes', schema: WhySchema } },
  problems: [404, 409],
} satisfies RestRoute;

export const WHY_ROUTES: readonly RestRoute[] = [explainWhy];
