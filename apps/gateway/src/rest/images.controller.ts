import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { ListImages } from '#contracts/calls/images';
import { parsePlatform } from '#oci/platform';
import { authorize } from '../authorize';
import { sendJson } from '../registry/send-answer';
import { acceptedOf, askOperation } from './ask-operation';
import { ImagePlatforms } from './image-platforms';
import { nextLink } from './next-link';
import { locationOf } from './operations.controller';
import { readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/images';

/** What is held, and having it removed. */
@Controller()
export class ImagesController {
  constructor(
    private readonly calls: Calls,
    private readonly platforms: ImagePlatforms,
  ) {}

  @Serves(routes.listImages)
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { label: labels, ...query } = readQuery(routes.listImages, request);
    if (query.platform !== undefined) parsePlatform(query.platform);
    const { images, next } = await this.calls.ask(ListImages, { ...query, labels });
    sendJson(reply, 200, await this.platforms.complete(images), nextLink(request.url, next));
  }

  @Serves(routes.removeImage)
  async remove(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('ask', { kind: 'images' });
    const body = readQuery(routes.removeImage, request);
    const asked = { kind: 'remove' as const, body };
    const operation = acceptedOf(await askOperation(this.calls, routes.removeImage, request, asked));
    sendJson(reply, operation.state === 'completed' ? 200 : 202, operation, { Location: locationOf(operation) });
  }
}
