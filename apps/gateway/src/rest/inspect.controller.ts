import { Controller, Logger, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Calls } from '#calls/calls';
import { type ImageMember, InspectImage, ReadImageParts } from '#contracts/calls/inspect';
import type { AnswerOf } from '#contracts/define-call';
import type { ImageConfig } from '#oci/image-config';
import { isImageConfig } from '#oci/media-type';
import { hostPlatform, parsePlatform } from '#oci/platform';
import { isRegistryError } from '#oci/registry-error';
import { authorize } from '../authorize';
import { sendJson } from '../registry/send-answer';
import { chooseMember } from './choose-member';
import { ImageConfigs } from './image-configs';
import { detailsOf } from './image-details';
import { readQuery } from './read-request';
import { Serves } from './rest-route';
import * as routes from './routes/inspect';

type Inspected = AnswerOf<typeof InspectImage>;
type Parts = AnswerOf<typeof ReadImageParts>;

/** A config is small, and its store near: who inspects does not wait longer for it, in milliseconds. */
const READ_MS = 5_000;
const NOTHING: Parts = { config: null, layers: [] };

/** One image, looked into. */
@Controller()
export class InspectController {
  private readonly log = new Logger('Gateway');
  private readonly host = hostPlatform(process.arch, 'linux');

  constructor(
    private readonly calls: Calls,
    private readonly configs: ImageConfigs,
  ) {}

  @Serves(routes.inspectImage)
  async inspect(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    authorize('read', { kind: 'images' });
    const { reference, platform } = readQuery(routes.inspectImage, request);
    const asked = platform === undefined ? undefined : parsePlatform(platform);
    const image = await this.calls.ask(InspectImage, { reference });
    // What a manifest that is in no index is for stands in its config alone.
    const isSingle = image.kind !== 'index' && image.own.platform === null;
    const chosen = isSingle ? image.own : chooseMember(image.members, asked, this.host);
    const parts = chosen?.held ? await this.readParts(image, chosen) : NOTHING;
    const config = await this.readConfig(parts);
    if (isSingle && asked !== undefined) chooseMember([withPlatform(image.own, config)], asked, this.host);
    sendJson(reply, 200, detailsOf(image, chosen, parts, config));
  }

  private readParts({ repository }: Inspected, { digest }: ImageMember): Promise<Parts> {
    return this.calls.ask(ReadImageParts, { repository, digest });
  }

  /** Null where it is not here, or no config of an image: the rest is known all the same. Throws UNAVAILABLE. */
  private async readConfig({ config }: Parts): Promise<ImageConfig | null> {
    if (config === null || config.object === null || !isImageConfig(config.mediaType)) return null;
    try {
      return await this.configs.read({ object: config.object, size: config.size }, AbortSignal.timeout(READ_MS));
    } catch (error) {
      if (!isRegistryError(error, 'MANIFEST_INVALID', 'SIZE_INVALID', 'BLOB_UNKNOWN')) throw error;
      this.log.debug(`config ${config.digest} could not be read: ${error.message}`);
      return null;
    }
  }
}

function withPlatform(member: ImageMember, config: ImageConfig | null): ImageMember {
  if (config === null) return member;
  const { os, architecture, variant } = config;
  return { ...member, platform: { os, architecture, ...(variant ? { variant } : {}) } };
}
