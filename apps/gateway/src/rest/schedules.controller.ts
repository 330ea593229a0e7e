import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import {
  DeleteSchedule,
  ListSchedules,
  PutSchedule,
  ReadSchedule,
  ScheduleNameSchema,
} from '#contracts/calls/schedules';
import { ANONYMOUS } from '#contracts/principal';
import { invalidField, notFound } from '#oci/registry-error';
import { authorize } from '../authorize';
import { sendAnswer, sendJson } from '../registry/send-answer';
import { nextLink } from './next-link';
import { readBody, readParams, readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/schedules';

/** When prunes are done by themselves, and when the collector works. */
@Controller()
export class SchedulesController {
  constructor(private readonly calls: Calls) {}

  @Serves(routes.listSchedules)
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { limit, after } = readQuery(routes.listSchedules, request);
    if (after !== undefined && !ScheduleNameSchema.safeParse(after).success)
      throw invalidField('after', 'must be the `next` of the page before');
    const page = after === undefined ? { limit } : { limit, after };
    const { schedules, next } = await this.calls.ask(ListSchedules, page);
    sendJson(reply, 200, schedules, nextLink(request.url, next));
  }

  @Serves(routes.readSchedule)
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { name } = readParams(routes.readSchedule, request);
    readQuery(routes.readSchedule, request);
    const { schedule } = await this.calls.ask(ReadSchedule, { name });
    if (!schedule) throw notFound(`schedule ${name}`, { name });
    sendJson(reply, 200, schedule);
  }

  @Serves(routes.putSchedule)
  async put(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'images' });
    const { name } = readParams(routes.putSchedule, request);
    readQuery(routes.putSchedule, request);
    const body = readBody(routes.putSchedule, request);
    const { schedule, created } = await this.calls.ask(PutSchedule, { principal: ANONYMOUS, name, body });
    sendJson(reply, created ? 201 : 200, schedule);
  }

  @Serves(routes.deleteSchedule)
  async delete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'images' });
    const { name } = readParams(routes.deleteSchedule, request);
    readQuery(routes.deleteSchedule, request);
    const { deleted } = await this.calls.ask(DeleteSchedule, { name });
    if (!deleted) throw notFound(`schedule ${name}`, { name });
    sendAnswer(reply, 204, {});
  }
}
