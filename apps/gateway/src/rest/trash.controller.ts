import { randomUUID } from 'node:crypto';
import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { AcceptOperation } from '#contracts/calls/operations';
import { ListTrash } from '#contracts/calls/trash';
import { ANONYMOUS } from '#contracts/principal';
import { authorize } from '../authorize';
import { sendJson } from '../registry/send-answer';
import { nextLink } from './next-link';
import { locationOf } from './operations.controller';
import { readHeader, readParams, readQuery } from './read-request';
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
    const requestId = readHeader(routes.restoreTrash, 'idempotency-key', request) ?? randomUUID();
    readQuery(routes.restoreTrash, request);
    const body = readParams(routes.restoreTrash, request);
    const { operation } = await this.calls.ask(AcceptOperation, {
      principal: ANONYMOUS,
      requestId,
      kind: 'restore',
      body,
    });
    sendJson(reply, 200, operation.outcome, { Location: locationOf(operation) });
  }
}
