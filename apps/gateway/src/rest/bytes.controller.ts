import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { DescribeBlob, ListSharedLayers } from '#contracts/calls/references';
import { ReadUsage } from '#contracts/calls/usage';
import { authorize } from '../authorize';
import { sendJson } from '../registry/send-answer';
import { nextLink } from './next-link';
import { readParams, readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/bytes';
import { whatIsSaid } from './what-is-said';

/** The bytes that are kept: how many, whose, and together with whom. */
@Controller()
export class BytesController {
  constructor(private readonly calls: Calls) {}

  @Serves(routes.readBlob)
  async readBlob(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { digest } = readParams(routes.readBlob, request);
    readQuery(routes.readBlob, request);
    sendJson(reply, 200, await this.calls.ask(DescribeBlob, { digest }));
  }

  @Serves(routes.listSharedLayers)
  async listShared(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const question = readQuery(routes.listSharedLayers, request);
    const { next, ...shared } = await this.calls.ask(ListSharedLayers, whatIsSaid(question));
    sendJson(reply, 200, shared, nextLink(request.url, next));
  }

  @Serves(routes.readUsage)
  async readUsage(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const question = readQuery(routes.readUsage, request);
    const { usage, next } = await this.calls.ask(ReadUsage, whatIsSaid(question));
    sendJson(reply, 200, usage, nextLink(request.url, next));
  }
}
