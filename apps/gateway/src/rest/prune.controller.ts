import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { type PruneBody, PruneOutcomeSchema } from '#contracts/bodies/prune';
import { ReadPlan } from '#contracts/calls/plans';
import type { Operation } from '#contracts/operation';
import { notFound } from '#oci/registry-error';
import { authorize } from '../authorize';
import { sendJson } from '../registry/send-answer';
import { acceptedOf, askOperation, outcomeOf } from './ask-operation';
import { nextLink } from './next-link';
import { locationOf } from './operations.controller';
import { readBody, readParams, readQuery } from './read-request';
import { type RestRoute, Serves } from './rest-route';
import * as routes from './routes/cleanup';

/** Prunes and their plans. */
@Controller()
export class PruneController {
  constructor(private readonly calls: Calls) {}

  @Serves(routes.prune)
  async prune(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    readQuery(routes.prune, request);
    const body = readBody(routes.prune, request);
    const operation = await this.accept(routes.prune, request, body);
    if (!body.dryRun) return sendJson(reply, 202, operation, { Location: locationOf(operation) });
    const { plan: id } = PruneOutcomeSchema.parse(outcomeOf(operation));
    const { plan } = await this.find(id, { limit: 1 });
    sendJson(reply, 200, plan, { Location: `/api/v1/plans/${id}` });
  }

  @Serves(routes.readPlan)
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { id } = readParams(routes.readPlan, request);
    const { limit, after } = readQuery(routes.readPlan, request);
    const { plan, items, next } = await this.find(id, { limit, ...(after === undefined ? {} : { after }) });
    sendJson(reply, 200, { ...plan, list: items }, nextLink(request.url, next));
  }

  @Serves(routes.applyPlan)
  async apply(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    readQuery(routes.applyPlan, request);
    const { id } = readParams(routes.applyPlan, request);
    const operation = await this.accept(routes.applyPlan, request, { plan: id });
    sendJson(reply, 202, operation, { Location: locationOf(operation) });
  }

  private async accept(route: RestRoute, request: FastifyRequest, body: Partial<PruneBody>): Promise<Operation> {
    authorize('ask', { kind: 'images' });
    return acceptedOf(await askOperation(this.calls, route, request, { kind: 'prune', body }));
  }

  private async find(id: string, page: { limit: number; after?: string }) {
    const { found } = await this.calls.ask(ReadPlan, { id, ...page });
    if (!found) throw notFound(`plan ${id}`, { id });
    return found;
  }
}
