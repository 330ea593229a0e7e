import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { type TagOutcome, TagOutcomeSchema } from '#contracts/bodies/tag';
import { ListHeldTags, ListRepositories, ListTagMoves } from '#contracts/calls/names';
import type { Operation } from '#contracts/operation';
import { authorize } from '../authorize';
import { etagOf } from '../registry/conditional-request';
import { sendJson } from '../registry/send-answer';
import { askAtOnce } from './ask-operation';
import { nextLink } from './next-link';
import { locationOf } from './operations.controller';
import { readExpected } from './read-expected';
import { readBody, readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/names';
import { whatIsSaid } from './what-is-said';

/** Repositories, and the tags in them: what they name, and having them name something else. */
@Controller()
export class NamesController {
  constructor(private readonly calls: Calls) {}

  @Serves(routes.listRepositories)
  async listRepositories(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { name: pattern, ...filter } = readQuery(routes.listRepositories, request);
    const { repositories, next } = await this.calls.ask(ListRepositories, whatIsSaid({ pattern, ...filter }));
    sendJson(reply, 200, repositories, nextLink(request.url, next));
  }

  @Serves(routes.listTags)
  async listTags(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { name: pattern, ...filter } = readQuery(routes.listTags, request);
    const { tags, next } = await this.calls.ask(ListHeldTags, whatIsSaid({ pattern, ...filter }));
    sendJson(reply, 200, tags, nextLink(request.url, next));
  }

  @Serves(routes.listTagMoves)
  async listMoves(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const question = readQuery(routes.listTagMoves, request);
    const { moves, next } = await this.calls.ask(ListTagMoves, whatIsSaid(question));
    sendJson(reply, 200, moves, nextLink(request.url, next));
  }

  @Serves(routes.tagImage)
  async tag(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'images' });
    readQuery(routes.tagImage, request);
    const body = { ...readBody(routes.tagImage, request), expected: readExpected(request.headers) };
    const { operation, outcome } = await askAtOnce(this.calls, routes.tagImage, request, {
      kind: 'tag',
      body: whatIsSaid(body),
    });
    sendMoved(reply, operation, TagOutcomeSchema.parse(outcome));
  }

  @Serves(routes.untagImage)
  async untag(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'images' });
    const body = { ...readQuery(routes.untagImage, request), expected: readExpected(request.headers) };
    const { operation, outcome } = await askAtOnce(this.calls, routes.untagImage, request, {
      kind: 'untag',
      body: whatIsSaid(body),
    });
    sendMoved(reply, operation, TagOutcomeSchema.parse(outcome), 200);
  }

  @Serves(routes.rollBackTag)
  async rollBack(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'images' });
    readQuery(routes.rollBackTag, request);
    const body = { ...readBody(routes.rollBackTag, request), expected: readExpected(request.headers) };
    const { operation, outcome } = await askAtOnce(this.calls, routes.rollBackTag, request, {
      kind: 'rollback',
      body: whatIsSaid(body),
    });
    sendMoved(reply, operation, TagOutcomeSchema.parse(outcome), 200);
  }
}

function sendMoved(
  reply: FastifyReply,
  operation: Operation,
  moved: TagOutcome,
  status = moved.from ? 200 : 201,
): void {
  const etag = moved.to === null ? {} : { ETag: etagOf(moved.to) };
  sendJson(reply, status, moved, { Location: locationOf(operation), ...etag });
}
