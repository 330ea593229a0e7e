import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatewayMetrics } from '../gateway-metrics';
import { etagOf, isHeldByClient } from './conditional-request';
import { ManifestStore, type NamedManifest } from './manifest.store';
import type { ReachedRepository } from './name-repository';
import type { ManifestReference } from './parse-registry-path';
import { PullCounts } from './pull-counts';
import { type AnswerHeaders, REGISTRY_VERSION, sendAnswer } from './send-answer';

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
    if (isHeldByClient(request.headers, etagOf(digest))) return sendAnswer(reply, 304, headers);
    if (request.method === 'HEAD') {
      return sendAnswer(reply, 200, { ...headers, 'Content-Type': mediaType, 'Content-Length': size });
    }
    const bytes = await this.manifests.read(repository, digest);
    sendAnswer(reply, 200, { ...headers, 'Content-Type': mediaType }, bytes);
    this.metrics.countSent('manifest', bytes.byteLength);
    this.pulls.count(repository.name, digest);
  }

  private find(repository: ReachedRepository, reference: ManifestReference): Promise<NamedManifest> {
    if ('tag' in reference) return this.manifests.resolve(repository, reference.tag);
    return this.manifests.find(repository, reference.digest);
  }
}

function manifestHeaders({ digest, staleMs }: NamedManifest): AnswerHeaders {
  return {
    ...REGISTRY_VERSION,
    'Docker-Content-Digest': digest,
    ETag: etagOf(digest),
    ...(staleMs === undefined
      ? {}
      : {
          Warning: '110 entrepot "the upstream could not be asked: this is what it last named"',
          Age: Math.floor(staleMs / 1000),
        }),
  };
}
