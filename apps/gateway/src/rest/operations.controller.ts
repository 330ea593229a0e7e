import { randomUUID } from 'node:crypto';
import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { AcceptOperation, CancelOperation, ListOperations, ReadOperation } from '#contracts/calls/operations';
import type { Operation } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import { invalidField, notFound } from '#oci/registry-error';
import { authorize } from '../authorize';
import { sendAnswer, sendJson } from '../registry/send-answer';
import { nextLink } from './next-link';
import { OperationWatch } from './operation-watch';
import { readBody, readHeader, readParams, readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/operations';
import { fingerprint } from './seen-operations';

/** Having something done, and how it goes. */
@Controller()
export class OperationsController {
  constructor(
    private readonly calls: Calls,
    private readonly watch: OperationWatch,
  ) {}

  @Serves(routes.acceptOperation)
  async accept(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'operation', owner: ANONYMOUS });
    const requestId = readHeader(routes.acceptOperation, 'idempotency-key', request) ?? randomUUID();
    readQuery(routes.acceptOperation, request);
    const { kind, ...body } = readBody(routes.acceptOperation, request);
    const { operation } = await this.calls.ask(AcceptOperation, { principal: ANONYMOUS, requestId, kind, body });
    sendJson(reply, 202, operation, { Location: locationOf(operation) });
  }

  @Serves(routes.listOperations)
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'operation', owner: ANONYMOUS });
    const { live, limit, after, ...filter } = readQuery(routes.listOperations, request);
    const question = { principal: ANONYMOUS, limit, ...filter, ...(after === undefined ? {} : { after }) };
    if (live) {
      if (filter.state !== undefined) throw invalidField('state', 'cannot be with live: operations change theirs');
      if (after !== undefined) throw invalidField('after', 'cannot be with live: it begins with the newest');
      return this.watch.followAll(question, reply);
    }
    const { operations, next } = await this.calls.ask(ListOperations, question);
    sendJson(reply, 200, operations, nextLink(request.url, next));
  }

  @Serves(routes.readOperation)
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { id } = readParams(routes.readOperation, request);
    readQuery(routes.readOperation, request);
    sendJson(reply, 200, await this.find(id));
  }

  @Serves(routes.cancelOperation)
  async cancel(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'operation', owner: ANONYMOUS });
    const { id } = readParams(routes.cancelOperation, request);
    readQuery(routes.cancelOperation, request);
    const { operation } = await this.calls.ask(CancelOperation, { principal: ANONYMOUS, id });
    if (!operation) throw noOperation(id);
    sendJson(reply, 202, operation, { Location: locationOf(operation) });
  }

  @Serves(routes.watchOperation)
  async events(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { id } = readParams(routes.watchOperation, request);
    readQuery(routes.watchOperation, request);
    const operation = await this.find(id);
    // A browser would connect for ever to hear the end again (HTML Living Standard, 9.2.3).
    if (operation.endedAt !== null && request.headers['last-event-id'] === fingerprint(operation))
      return sendAnswer(reply, 204, {});
    this.watch.follow(operation, reply);
  }

  private async find(id: string): Promise<Operation> {
    authorize('read', { kind: 'operation', owner: ANONYMOUS });
    const { operation } = await this.calls.ask(ReadOperation, { principal: ANONYMOUS, id });
    if (!operation) throw noOperation(id);
    return operation;
  }
}

export function locationOf({ id }: Operation): string {
  return `/api/v1/operations/${id}`;
}

function noOperation(id: string) {
  return notFound(`operation ${id}`, { id });
}
