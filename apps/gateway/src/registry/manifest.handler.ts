import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatewayMetrics } from '../gateway-metrics';
import { checkIfMatch, etagOf, isHeldByClient } from './conditional-request';
import { ManifestStore, type NamedManifest } from './manifest.store';
import type { ReachedRepository } from './name-repository';
import type { ManifestReference } from './parse-registry-path';
import { PullCounts } from './pull-counts';
import { REGISTRY_VERSION, sendAnswer, startAnswer } from './send-answer';

/**
 * GET and HEAD of a manifest: the stored bytes under their stored media type, whatever `Accept` says. A client that
 * does not list the type would otherwise be told that an image is absent which is there, and a rewritten one would
 * have another digest; distribution answers so too, and clients check the type themselves.
 */
@Injectable()
export class ManifestHandler {
  constructor(
    private readonly manifests: ManifestStore,
    private readonly metrics: GatewayMetrics,
    private readonly pulls: PullCounts,
  ) {}

  async answer(
    repository: ReachedRepository,
    reference: ManifestReference,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const manifest = await this.find(repository, reference);
    const { mediaType, size, digest } = manifest;
    const headers = manifestHeaders(manifest);
    checkIfMatch(request.headers, headers.ETag);
    if (isHeldByClient(request.headers, headers.ETag)) return sendAnswer(reply, 304, headers);
    const described = { ...headers, 'Content-Type': mediaType, 'Content-Length': size };
    if (request.method === 'HEAD') return sendAnswer(reply, 200, described);
    const bytes = await this.manifests.read(repository, digest);
    startAnswer(reply, 200, described).end(bytes);
    this.metrics.countSent('manifest', bytes.byteLength);
    this.pulls.count(repository.name, digest);
  }

  private find(repository: ReachedRepository, reference: ManifestReference): Promise<NamedManifest> {
    if ('tag' in reference) return this.manifests.resolve(repository, reference.tag);
    return this.manifests.find(repository, reference.digest);
  }
}

function manifestHeaders({ digest, staleMs }: NamedManifest) {
  const headers = {
    'Docker-Distribution-API-Version': REGISTRY_VERSION['Docker-Distribution-API-Version'],
    'Docker-Content-Digest': digest,
    ETag: etagOf(digest),
  };
  if (staleMs === undefined) return headers;
  const Warning = '110 entrepot "the upstream could not be asked: this is what it last named"';
  return { ...headers, Warning, Age: Math.floor(staleMs / 1000) };
}
