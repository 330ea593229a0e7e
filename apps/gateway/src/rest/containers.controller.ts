import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { ListContainers, ReadContainer } from '#contracts/calls/containers';
import type { OperationKind } from '#contracts/operation';
import { authorize } from '../authorize';
import { sendJson } from '../registry/send-answer';
import { acceptedOf, askAtOnce, askOperation, outcomeOf } from './ask-operation';
import { ContainerConfigs } from './container-configs';
import { nextLink } from './next-link';
import { locationOf } from './operations.controller';
import { readBody, readParams, readQuery } from './read-request';
import { type RestRoute, Serves } from './rest-route';
import * as routes from './routes/containers';
import { whatIsSaid } from './what-is-said';

/** Containers: records of what uses which image, and what happens to them. */
@Controller()
export class ContainersController {
  constructor(
    private readonly calls: Calls,
    private readonly configs: ContainerConfigs,
  ) {}

  @Serves(routes.listContainers)
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { label: labels, ...filter } = readQuery(routes.listContainers, request);
    const { containers, next } = await this.calls.ask(ListContainers, whatIsSaid({ labels, ...filter }));
    sendJson(reply, 200, containers, nextLink(request.url, next));
  }

  @Serves(routes.createContainer)
  async create(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'images' });
    readQuery(routes.createContainer, request);
    const body = readBody(routes.createContainer, request);
    const asked = { kind: 'container-create' as const, body };
    const operation = acceptedOf(await askOperation(this.calls, routes.createContainer, request, asked));
    const { outcome } = operation;
    if (outcome === null) return sendJson(reply, 202, operation, { Location: locationOf(operation) });
    sendJson(reply, 201, outcome, { Location: `/api/v1/containers/${outcome.container}` });
  }

  @Serves(routes.readContainer)
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { id } = readParams(routes.readContainer, request);
    readQuery(routes.readContainer, request);
    const found = await this.calls.ask(ReadContainer, { container: id });
    const { container, overrides } = found;
    sendJson(reply, 200, { ...container, overrides, config: await this.configs.of(found) });
  }

  @Serves(routes.renameContainer)
  async rename(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    readQuery(routes.renameContainer, request);
    const { name } = readBody(routes.renameContainer, request);
    const { id: container } = readParams(routes.renameContainer, request);
    await this.done(routes.renameContainer, request, reply, 'container-rename', { container, name });
  }

  @Serves(routes.removeContainer)
  async remove(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { id: container } = readParams(routes.removeContainer, request);
    const { force } = readQuery(routes.removeContainer, request);
    await this.done(routes.removeContainer, request, reply, 'container-remove', { container, force });
  }

  @Serves(routes.pruneContainers)
  async prune(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    readQuery(routes.pruneContainers, request);
    authorize('ask', { kind: 'images' });
    const asked = { kind: 'container-prune' as const, body: readBody(routes.pruneContainers, request) };
    const operation = await askOperation(this.calls, routes.pruneContainers, request, asked);
    const headers = { Location: locationOf(operation) };
    if (operation.endedAt === null) sendJson(reply, 202, operation, headers);
    else sendJson(reply, 200, outcomeOf(operation), headers);
  }

  @Serves(routes.changeContainer)
  async change(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { id: container, action } = readParams(routes.changeContainer, request);
    const { exitCode } = readQuery(routes.changeContainer, request);
    const body = whatIsSaid({ container, action, exitCode });
    await this.done(routes.changeContainer, request, reply, 'container-change', body);
  }

  private async done(
    route: RestRoute,
    request: FastifyRequest,
    reply: FastifyReply,
    kind: OperationKind,
    body: Record<string, unknown>,
  ): Promise<void> {
    authorize('ask', { kind: 'images' });
    const { operation, outcome } = await askAtOnce(this.calls, route, request, { kind, body });
    sendJson(reply, 200, outcome, { Location: locationOf(operation) });
  }
}
