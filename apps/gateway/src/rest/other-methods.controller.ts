import {
  All,
  Controller,
  Delete,
  MethodNotAllowedException,
  NotFoundException,
  Options,
  Patch,
  Post,
  Put,
  Req,
  Res,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pathOf } from '../registry/parse-registry-path';
import { sendAnswer } from '../registry/send-answer';
import { REST_ROUTES } from './rest-routes';

/** What is only read. */
const PAGES = ['/', 'livez', 'readyz', 'metrics', 'api', 'api/openapi.json'];

/** What no route takes: another method of a path that is there (RFC 9110, 15.5.6), or another path. */
@Controller()
export class OtherMethodsController {
  @Options(PAGES)
  options(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.answer(request, reply);
  }

  @Post(PAGES)
  post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.answer(request, reply);
  }

  @Put(PAGES)
  put(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.answer(request, reply);
  }

  @Patch(PAGES)
  patch(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.answer(request, reply);
  }

  @Delete(PAGES)
  delete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.answer(request, reply);
  }

  @All('api/v1/*')
  answer(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const methods = methodsOf(pathOf(request.url));
    if (methods.length === 0) throw new NotFoundException('there is nothing at this path');
    const allowed = [...methods, 'OPTIONS'].join(', ');
    if (request.method !== 'OPTIONS') {
      reply.raw.setHeader('Allow', allowed);
      throw new MethodNotAllowedException(`${request.method} is not supported at this path: ${allowed} are`);
    }
    sendAnswer(reply, 204, { Allow: allowed });
  }
}

const PATTERNS = REST_ROUTES.map(({ path, method }) => ({
  pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
  methods: method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
}));

/** The methods at a path; none where nothing is there. */
function methodsOf(path: string): string[] {
  if (!path.startsWith('/api/v1/')) return ['GET', 'HEAD'];
  return PATTERNS.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods);
}
