import { randomBytes } from 'node:crypto';
import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { BusUserNameSchema, CreateBusUser, DeleteBusUser, ListBusUsers, ReadBusUser } from '#contracts/calls/bus-users';
import { ANONYMOUS } from '#contracts/principal';
import { invalidField, notFound } from '#oci/registry-error';
import { authorize } from '../authorize';
import { sendAnswer, sendJson } from '../registry/send-answer';
import { nextLink } from './next-link';
import { readBody, readParams, readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/bus-users';

/** Who may ask on the bus in a name of its own. */
@Controller()
export class BusUsersController {
  constructor(private readonly calls: Calls) {}

  @Serves(routes.createBusUser)
  async create(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'bus-users' });
    readQuery(routes.createBusUser, request);
    const { name } = readBody(routes.createBusUser, request);
    // A call may be repeated where its connection was lost: its answer, which alone has the password, is the same then.
    const seed = randomBytes(32).toString('base64url');
    const { user } = await this.calls.ask(CreateBusUser, { asker: ANONYMOUS, name, seed });
    // It holds a password.
    sendJson(reply, 201, user, { Location: `/api/v1/bus-users/${name}`, 'Cache-Control': 'no-store' });
  }

  @Serves(routes.listBusUsers)
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'bus-users' });
    const { limit, after } = readQuery(routes.listBusUsers, request);
    if (after !== undefined && !BusUserNameSchema.safeParse(after).success)
      throw invalidField('after', 'must be the `next` of the page before');
    const page = after === undefined ? { limit } : { limit, after };
    const { users, next } = await this.calls.ask(ListBusUsers, page);
    sendJson(reply, 200, users, nextLink(request.url, next));
  }

  @Serves(routes.readBusUser)
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'bus-users' });
    const { name } = readParams(routes.readBusUser, request);
    readQuery(routes.readBusUser, request);
    const { user } = await this.calls.ask(ReadBusUser, { name });
    if (!user) throw notFound(`bus user ${name}`, { name });
    sendJson(reply, 200, user);
  }

  @Serves(routes.deleteBusUser)
  async delete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'bus-users' });
    const { name } = readParams(routes.deleteBusUser, request);
    readQuery(routes.deleteBusUser, request);
    const { deleted } = await this.calls.ask(DeleteBusUser, { asker: ANONYMOUS, name });
    if (!deleted) throw notFound(`bus user ${name}`, { name });
    sendAnswer(reply, 204, {});
  }
}
