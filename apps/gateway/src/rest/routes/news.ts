import { z } from 'zod';
import { wholeNumber } from '#config/whole-number';
import { DeadLetterSchema } from '#contracts/calls/dead-letters';
import { RepositoryNameSchema } from '#oci/repository-name';
import { FactSubjectsSchema } from '../fact-filter';
import type { RestRoute } from '../rest-route';
import { limit, NextLink, none } from './route-parts';

const ID = /^(?:first|[0-9a-z]{1,12}-\d{1,15}(?:-[0-9a-z]{1,9})?)$/;
const eventId = z.string().regex(ID, 'must be the id of an event, as it came').optional();

export const listenToFacts = {
  id: 'listenToFacts',
  method: 'get',
  path: '/api/v1/events',
  tag: 'events',
  summary: 'Hear what happens: server-sent events, from now on or from where an earlier connection ended',
  params: none,
  query: z.strictObject({
    subject: FactSubjectsSchema.optional().describe('only these, such as tag.moved,image.* or blob.>'),
    repository: RepositoryNameSchema.optional().describe(
      'only facts about this one, as it is stored; others have none',
    ),
    after: eventId.describe('begin after this event, or with `first` at the oldest that is kept'),
  }),
  headers: z.object({
    'last-event-id': eventId.describe(
      'begin after this event: browsers send it when they connect again; goes before `after`',
    ),
  }),
  answers: {
    200: {
      description:
        'server-sent events without an end: `fact` with the CloudEvent as JSON; `missed` where facts between two ids are kept no more; where it ends, connect again',
      mediaType: 'text/event-stream',
    },
  },
  problems: [],
} satisfies RestRoute;

const letter = z.strictObject({
  sequence: wholeNumber(1).describe('its number among the dead letters'),
});

/** With its headers, and its payload as it was published. */
const WholeDeadLetterSchema = DeadLetterSchema.extend({
  headers: z.record(z.string(), z.array(z.string())),
  payload: z.string(),
  encoding: z.enum(['utf-8', 'base64']).describe('how `payload` is written'),
});

export const listDeadLetters = {
  id: 'listDeadLetters',
  method: 'get',
  path: '/api/v1/dead-letters',
  tag: 'events',
  summary: 'List messages that could not be handled, the oldest first',
  params: none,
  query: z.strictObject({
    limit,
    after: wholeNumber(0).optional().describe('the `next` of the page before; its Link header has it already'),
  }),
  answers: { 200: { description: 'a page', schema: z.array(DeadLetterSchema), headers: NextLink } },
  problems: [],
} satisfies RestRoute;

export const readDeadLetter = {
  id: 'readDeadLetter',
  method: 'get',
  path: '/api/v1/dead-letters/{sequence}',
  tag: 'events',
  summary: 'A message that could not be handled: why, and all of what it was',
  params: letter,
  query: none,
  answers: { 200: { description: 'the message', schema: WholeDeadLetterSchema } },
  problems: [404],
} satisfies RestRoute;

export const replayDeadLetter = {
  id: 'replayDeadLetter',
  method: 'post',
  path: '/api/v1/dead-letters/{sequence}/replay',
  tag: 'events',
  summary: 'Publish it again as it came, and drop it',
  params: letter,
  query: none,
  answers: { 204: { description: 'published again' } },
  problems: [404, 409],
} satisfies RestRoute;

export const dropDeadLetter = {
  id: 'dropDeadLetter',
  method: 'delete',
  path: '/api/v1/dead-letters/{sequence}',
  tag: 'events',
  summary: 'Throw it away for good',
  params: letter,
  query: none,
  answers: { 204: { description: 'gone' } },
  problems: [404],
} satisfies RestRoute;

export const NEWS_ROUTES: readonly RestRoute[] = [
  listenToFacts,
  listDeadLetters,
  readDeadLetter,
  replayDeadLetter,
  dropDeadLetter,
];
