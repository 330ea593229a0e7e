import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { DropDeadLetter, ListDeadLetters, ReadDeadLetter, ReplayDeadLetter } from '#contracts/calls/dead-letters';
import { authorize } from '../authorize';
import { sendAnswer, sendJson } from '../registry/send-answer';
import { nextLink } from './next-link';
import { readParams, readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/news';
import { whatIsSaid } from './what-is-said';

/** Messages that could not be handled: to be looked at, sent again or thrown away. */
@Controller()
export class DeadLettersController {
  constructor(private readonly calls: Calls) {}

  @Serves(routes.listDeadLetters)
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'dead-letters' });
    const question = readQuery(routes.listDeadLetters, request);
    const { letters, next } = await this.calls.ask(ListDeadLetters, whatIsSaid(question));
    sendJson(reply, 200, letters, nextLink(request.url, next === null ? null : String(next)));
  }

  @Serves(routes.readDeadLetter)
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'dead-letters' });
    const question = readParams(routes.readDeadLetter, request);
    readQuery(routes.readDeadLetter, request);
    const { bytes, ...letter } = await this.calls.ask(ReadDeadLetter, question);
    sendJson(reply, 200, { ...letter, ...payloadOf(Buffer.from(bytes)) });
  }

  @Serves(routes.replayDeadLetter)
  async replay(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'dead-letters' });
    const question = readParams(routes.replayDeadLetter, request);
    readQuery(routes.replayDeadLetter, request);
    await this.calls.ask(ReplayDeadLetter, question);
    sendAnswer(reply, 204, {});
  }

  @Serves(routes.dropDeadLetter)
  async drop(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'dead-letters' });
    const question = readParams(routes.dropDeadLetter, request);
    readQuery(routes.dropDeadLetter, request);
    await this.calls.ask(DropDeadLetter, question);
    sendAnswer(reply, 204, {});
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** As text where it is text: what came may be anything. */
function payloadOf(bytes: Buffer): { payload: string; encoding: 'utf-8' | 'base64' } {
  try {
    return { payload: UTF8.decode(bytes), encoding: 'utf-8' };
  } catch {
    return { payload: bytes.toString('base64'), encoding: 'base64' };
  }
}
