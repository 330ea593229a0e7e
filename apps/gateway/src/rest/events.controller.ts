import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { authorize } from '../authorize';
import { FactFeed, type FactStart, readId } from './fact-feed';
import { factFilter } from './fact-filter';
import { readHeader, readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/news';

/** What happens, as it happens. */
@Controller()
export class EventsController {
  constructor(private readonly feed: FactFeed) {}

  @Serves(routes.listenToFacts)
  async listen(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'facts' });
    const lastId = readHeader(routes.listenToFacts, 'last-event-id', request);
    const { after, ...filter } = readQuery(routes.listenToFacts, request);
    await this.feed.listen(startOf(lastId ?? after), factFilter(filter), reply);
  }
}

function startOf(text: string | undefined): FactStart {
  if (text === undefined) return 'now';
  return readId(text) ?? 'first';
}
