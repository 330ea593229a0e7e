import { Inject, Injectable } from '@nestjs/common';
import { BytePlane } from '#calls/byte-plane';
import { Calls } from '#calls/calls';
import { CAPABILITY_MS, signCapability } from '#calls/capability';
import { CAPABILITY_SECRET } from '#calls/capability-secret';
import { type Fill, RenewFills } from '#contracts/calls/fills';
import { FinishUpload, ReadSession } from '#contracts/calls/sessions';
import { isRegistryError, RegistryError } from '#oci/registry-error';
import { splitRepositoryName } from '#oci/upstream-name';
import { FETCHER_CONFIG, type FetcherConfig } from '../fetcher.config';
import { BoundedBody } from '../upstream/bound-body';
import { away, explainFailure } from '../upstream/explain-failure';
import { UpstreamRegistry, type UpstreamRepository } from '../upstream/upstream-registry';
import { Upstreams } from '../upstream/upstreams';
import type { Pace } from './pace';

/** An attempt goes on by itself after a break, as long as each connection brings this much. */
const WORTH_RESUMING_BYTES = 1024 * 1024;
/** Another writer may still be letting go of the session. */
const MOST_LOST_TAKES = 3;

/** Downloads one blob into its upload session, from where the session ends. */
@Injectable()
export class BlobFill {
  constructor(
    private readonly calls: Calls,
    private readonly bytes: BytePlane,
    private readonly upstreams: Upstreams,
    private readonly registry: UpstreamRegistry,
    @Inject(CAPABILITY_SECRET) private readonly secret: Uint8Array,
    @Inject(FETCHER_CONFIG) private readonly config: FetcherConfig,
  ) {}

  /**
   * Resolves once the blob is verified and stored. Throws RegistryError: what the upstream is at fault with, or
   * DIGEST_INVALID and SIZE_INVALID for bytes that are not what was promised, STALE when the fill is no longer ours.
   */
  async run(fill: Fill, pace: Pace, signal: AbortSignal): Promise<void> {
    const repository = await this.open(fill);
    let etag: string | undefined;
    for (let lost = 0; ; ) {
      signal.throwIfAborted();
      const { offset } = await this.calls.ask(ReadSession, { session: fill.session }, { signal });
      try {
        if (offset < fill.size) {
          const part = await this.append(fill, repository, { offset, etag, pace }, signal);
          etag = part.etag;
          if (part.offset < fill.size) continue;
        }
        return await this.finish(fill, signal);
      } catch (error) {
        if (!isRegistryError(error, 'STALE') || ++lost > MOST_LOST_TAKES) throw error;
        await this.refuseLost(fill, error);
      }
    }
  }

  private async open(fill: Fill): Promise<UpstreamRepository> {
    const name = splitRepositoryName(fill.repository, this.upstreams.domains);
    if (name.kind === 'local') throw new RegistryError('INTERNAL', `${fill.repository} is no upstream's repository`);
    const repository = await this.registry.open(this.upstreams.find(name.domain), name.path);
    if (repository.identity.id === fill.source.credential) return repository;
    throw new RegistryError(
      'UNAUTHORIZED',
      `the credential for ${name.domain} has changed since this was asked for: pull it again`,
    );
  }

  /** One connection's worth. Throws when it brought too little to go on at once. */
  private async append(
    fill: Fill,
    repository: UpstreamRepository,
    from: { offset: number; etag: string | undefined; pace: Pace },
    signal: AbortSignal,
  ) {
    const opened = await this.registry.openBlob(repository, fill, from, signal);
    const bounds = {
      skip: from.offset - opened.start,
      length: fill.size - from.offset,
      stallMs: this.config.ENTREPOT_FETCH_STALL_MS,
      pace: from.pace,
    };
    const body = new BoundedBody(opened.stream, bounds);
    const expires = Date.now() + CAPABILITY_MS;
    const capability = signCapability(this.secret, { method: 'append', object: fill.session, expires });
    try {
      const { offset } = await this.bytes.append(capability, fill.session, from.offset, body.stream, { signal });
      if (body.isTooLong) throw tooLong(fill);
      if (offset < fill.size && offset - from.offset < WORTH_RESUMING_BYTES)
        throw cutShort(fill, repository, offset, body.fault, signal);
      return { offset, etag: opened.etag ?? from.etag };
    } finally {
      // A refused stream is left to whoever brought it: the upstream's connection is let go of here.
      body.stream.destroy();
      opened.stream.on('error', () => {}).destroy();
    }
  }

  private async finish(fill: Fill, signal: AbortSignal): Promise<void> {
    const { session, digest, size } = fill;
    try {
      await this.calls.ask(FinishUpload, { session, digest, size }, { signal });
    } catch (error) {
      if (!isRegistryError(error, 'DIGEST_INVALID')) throw error;
      const why = `upstream ${fill.source.upstream} sent other bytes than those that ${digest} names`;
      throw new RegistryError('DIGEST_INVALID', why, { detail: { registry: fill.source.upstream, digest } });
    }
  }

  private async refuseLost({ id, epoch }: Fill, error: RegistryError): Promise<void> {
    const { renewed } = await this.calls.ask(RenewFills, { fills: [{ id, epoch }] });
    if (!renewed.includes(id)) throw error;
  }
}

function tooLong({ source, digest, size }: Fill): RegistryError {
  const why = `upstream ${source.upstream} sends more than the ${size} bytes that the manifest promises for ${digest}`;
  return new RegistryError('SIZE_INVALID', why, { detail: { registry: source.upstream, digest, size } });
}

function cutShort(
  fill: Fill,
  { upstream }: UpstreamRepository,
  offset: number,
  fault: unknown,
  signal: AbortSignal,
): RegistryError {
  if (fault !== undefined) return explainFailure(upstream, fault, signal);
  return away(upstream, `it ended a blob after ${offset} of ${fill.size} bytes`, 'SHORT');
}
