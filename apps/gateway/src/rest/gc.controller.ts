import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Calls } from '#calls/calls';
import { ListRuns, PauseCleanup, ReadCleanup, ReadRun } from '#contracts/calls/runs';
import { ANONYMOUS } from '#contracts/principal';
import { invalidField, notFound } from '#oci/registry-error';
import { authorize } from '../authorize';
import { sendJson } from '../registry/send-answer';
import { nextLink } from './next-link';
import { readParams, readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/cleanup';

/** How cleanup goes, and whether it goes at all. */
@Controller()
export class GcController {
  constructor(private readonly calls: Calls) {}

  @Serves(routes.listRuns)
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { limit, kind, after } = readQuery(routes.listRuns, request);
    if (after !== undefined && !z.uuid().safeParse(after).success)
      throw invalidField('after', 'must be the `next` of the page before');
    const filter = { ...(kind === undefined ? {} : { kind }), ...(after === undefined ? {} : { after }) };
    const { runs, next } = await this.calls.ask(ListRuns, { limit, ...filter });
    sendJson(reply, 200, runs, nextLink(request.url, next));
  }

  @Serves(routes.readRun)
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { id } = readParams(routes.readRun, request);
    readQuery(routes.readRun, request);
    const { run } = await this.calls.ask(ReadRun, { id });
    if (!run) throw notFound(`run ${id}`, { id });
    sendJson(reply, 200, run);
  }

  @Serves(routes.readCleanup)
  async cleanup(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    readQuery(routes.readCleanup, request);
    sendJson(reply, 200, await this.calls.ask(ReadCleanup, {}));
  }

  @Serves(routes.pauseCleanup)
  async pause(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'images' });
    readQuery(routes.pauseCleanup, request);
    sendJson(reply, 200, await this.calls.ask(PauseCleanup, { principal: ANONYMOUS, paused: true }));
  }

  @Serves(routes.resumeCleanup)
  async resume(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'images' });
    readQuery(routes.resumeCleanup, request);
    sendJson(reply, 200, await this.calls.ask(PauseCleanup, { principal: ANONYMOUS, paused: false }));
  }
}
