import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { ListTrash } from '#contracts/calls/trash';
import { authorize } from '../authorize';
import { sendJson } from '../registry/send-answer';
import { askAtOnce } from './ask-operation';
import { nextLink } from './next-link';
import { locationOf } from './operations.controller';
import { readParams, readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/trash';

/** What was removed, and having it back. */
@Controller()
export class TrashController {
  constructor(private readonly calls: Calls) {}

  @Serves(routes.listTrash)
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { limit, repository, after } = readQuery(routes.listTrash, request);
    const filter = { ...(repository === undefined ? {} : { repository }), ...(after === undefined ? {} : { after }) };
    const { entries, next } = await this.calls.ask(ListTrash, { limit, ...filter });
    sendJson(reply, 200, entries, nextLink(request.url, next));
  }

  @Serves(routes.restoreTrash)
  async restore(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'images' });
    readQuery(routes.restoreTrash, request);
    const body = readParams(routes.restoreTrash, request);
    const asked = { kind: 'restore' as const, body };
    const { operation, outcome } = await askAtOnce(this.calls, routes.restoreTrash, request, asked);
    sendJson(reply, 200, outcome, { Location: locationOf(operation) });
  }
}
