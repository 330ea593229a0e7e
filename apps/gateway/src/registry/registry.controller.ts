import { All, Controller, Inject, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HOPS_HEADER, readHops } from '#calls/hop-id';
import { ownHosts } from '#config/own-hosts';
import { notFound, RegistryError, unsupported } from '#oci/registry-error';
import { authorize } from '../authorize';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { BlobHandler } from './blob.handler';
import { ManifestHandler } from './manifest.handler';
import { type ReachedRepository, RepositoryNaming } from './name-repository';
import { parseRegistryPath, pathOf, queryOf, type RegistryPath } from './parse-registry-path';
import { REGISTRY_METHODS, RegistryErrorFilter } from './registry-error.filter';
import { REGISTRY_VERSION, sendAnswer } from './send-answer';
import { TagListHandler } from './tag-list.handler';

/** Everything under `/v2/`: the OCI distribution specification's read side. */
@Controller()
@UseFilters(RegistryErrorFilter)
export class RegistryController {
  private readonly naming: RepositoryNaming;

  constructor(
    private readonly manifests: ManifestHandler,
    private readonly blobs: BlobHandler,
    private readonly tags: TagListHandler,
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
  ) {
    const configuredUpstreams = new Set(config.ENTREPOT_UPSTREAM_HOSTS);
    this.naming = new RepositoryNaming({ ownHosts: ownHosts(config), configuredUpstreams });
  }

  @All(['v2', 'v2/*'])
  async answer(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    if (request.method === 'OPTIONS') return sendAnswer(reply, 204, { Allow: REGISTRY_METHODS });
    const path = parseRegistryPath(request.url);
    if (request.method !== 'GET' && request.method !== 'HEAD') throw writeRefused(request.method);
    if (path.kind === 'ping') return answerPing(reply);
    const query = queryOf(request.url);
    const hops = readHops(request.headers[HOPS_HEADER]?.toString());
    const { name, isUpstream } = this.naming.nameRepository(path.name, query.get('ns'));
    const repository = { name, isUpstream, hops };
    authorize('pull', { kind: 'repository', name: repository.name });
    await this.read(path, repository, query, request, reply);
  }

  private async read(
    path: Exclude<RegistryPath, { kind: 'ping' }>,
    repository: ReachedRepository,
    query: URLSearchParams,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    switch (path.kind) {
      case 'manifest':
        return this.manifests.answer(repository, path.reference, request, reply);
      case 'blob':
        return this.blobs.answer(repository, path.digest, request, reply);
      case 'tags':
        return this.tags.answer(repository, { name: path.name, path: pathOf(request.url), query }, reply);
      case 'referrers':
        // The specification's answer of a registry without this API: clients fall back to the tag schema.
        throw notFound('the referrers API of this registry', { digest: path.digest });
      case 'uploads':
        throw new RegistryError(
          'BLOB_UPLOAD_UNKNOWN',
          'there are no uploads here: this registry cannot be pushed to yet',
        );
    }
  }
}

function answerPing(reply: FastifyReply): void {
  sendAnswer(reply, 200, { 'Content-Type': 'application/json', ...REGISTRY_VERSION }, '{}');
}

function writeRefused(method: string): RegistryError {
  return unsupported(`${method} is not supported here: this registry can be pulled from, and cannot be pushed to yet`);
}
