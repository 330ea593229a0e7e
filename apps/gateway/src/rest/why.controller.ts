import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { ExplainWhy } from '#contracts/calls/why';
import { authorize } from '../authorize';
import { sendJson } from '../registry/send-answer';
import { readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/why';

/** Why something is kept. */
@Controller()
export class WhyController {
  constructor(private readonly calls: Calls) {}

  @Serves(routes.explainWhy)
  async explain(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    sendJson(reply, 200, await this.calls.ask(ExplainWhy, readQuery(routes.explainWhy, request)));
  }
}
