import { All, Controller, MethodNotAllowedException, NotFoundException, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pathOf } from '../registry/parse-registry-path';
import { sendAnswer } from '../registry/send-answer';
import { REST_ROUTES } from './rest-routes';

/** What no route of the REST API takes: another method of a path that it has (RFC 9110, 15.5.6), or another path. */
@Controller()
export class OtherMethodsController {
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

/** The methods of the routes at a path; none where it is no path of the REST API. */
function methodsOf(path: string): string[] {
  return PATTERNS.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods);
}
