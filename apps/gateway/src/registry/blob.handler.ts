import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ObjectReading } from '#calls/byte-plane';
import { type ByteRange, formatContentRange, parseByteRange } from '#oci/byte-range';
import type { Digest } from '#oci/digest';
import { internalFault, RegistryError, rangeInvalid } from '#oci/registry-error';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { GatewayMetrics } from '../gateway-metrics';
import { BlobStore, type FoundBlob } from './blob.store';
import { carriesLogin, checkIfMatch, etagOf, isConditional, isHeldByClient, rangeAsked } from './conditional-request';
import type { AskedRepository } from './name-repository';
import { type AnswerHeaders, REGISTRY_VERSION, sendAnswer, startAnswer } from './send-answer';
import { ClientGone, sendStream } from './send-stream';

type Satisfiable = Exclude<ByteRange, { kind: 'unsatisfiable' }>;

interface Asked {
  readonly range: Satisfiable;
  /** Whether the client may be sent to the storage itself. */
  readonly redirect: boolean;
}

/** GET and HEAD of a blob, whole or a part of it, also while it still comes from its upstream. */
@Injectable()
export class BlobHandler {
  private readonly log = new Logger('Gateway');

  constructor(
    private readonly blobs: BlobStore,
    private readonly metrics: GatewayMetrics,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  async answer(
    repository: AskedRepository,
    digest: Digest,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const isGet = request.method === 'GET';
    const etag = etagOf(digest);
    const isHeld = isHeldByClient(request.headers, etag);
    const blob = await this.blobs.find(repository, digest, isGet && !isHeld);
    const headers: AnswerHeaders = {
      ...REGISTRY_VERSION,
      'Docker-Content-Digest': digest,
      ETag: etag,
      'Accept-Ranges': 'bytes',
    };
    checkIfMatch(request.headers, etag);
    if (isHeld) return sendAnswer(reply, 304, headers);
    const range: ByteRange = isGet ? parseByteRange(rangeAsked(request.headers, etag), blob.size) : { kind: 'whole' };
    if (range.kind === 'unsatisfiable') throw rangeInvalid(blob.size);
    const length = range.kind === 'part' ? range.length : blob.size;
    const described = { ...headers, 'Content-Type': 'application/octet-stream', 'Content-Length': length };
    if (!isGet || length === 0) return sendAnswer(reply, 200, described);
    const redirect = this.config.ENTREPOT_REDIRECT && !isConditional(request.headers);
    await this.send(blob, { range, redirect }, length, described, request, reply);
  }

  private async send(
    blob: FoundBlob,
    { range, redirect }: Asked,
    length: number,
    headers: AnswerHeaders,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    let reading = await this.open(blob, { range, redirect }, reply);
    if (reading.location !== undefined) {
      if (!carriesLogin(request.headers, reading.location))
        return this.sendAway(reading.location, length, headers, reply);
      reading = await this.open(blob, { range, redirect: false }, reply);
    }
    const raw = startAnswer(reply, range.kind === 'part' ? 206 : 200, {
      ...headers,
      ...(range.kind === 'part' ? partHeaders(range, blob.size, reading.verified) : {}),
    });
    // What still comes from its upstream may let the first byte wait; else headers and bytes go together.
    if (!reading.verified) raw.flushHeaders();
    try {
      await sendStream(reading.stream, raw, length, this.config.ENTREPOT_READ_STALL_MS);
      this.metrics.countSent(reading.verified ? 'stored' : 'filling', length);
    } catch (error) {
      if (error instanceof ClientGone) this.log.debug(`${headers['Docker-Content-Digest']}: ${error.message}`);
      else this.log.warn(`${headers['Docker-Content-Digest']}: the answer was cut off: ${String(error)}`);
    }
  }

  /** The right to the blob was looked at; the link is one to these bytes alone, and is nobody else's to keep. */
  private sendAway(location: string, length: number, headers: AnswerHeaders, reply: FastifyReply): void {
    const { 'Docker-Content-Digest': digest = '' } = headers;
    const named = { ...REGISTRY_VERSION, 'Docker-Content-Digest': digest };
    sendAnswer(reply, 307, { ...named, Location: location, 'Cache-Control': 'no-store', 'Content-Length': 0 });
    this.metrics.countSent('redirected', length);
  }

  /** A client that hangs up before the first byte ends the reading too. */
  private async open(
    { object, size }: FoundBlob,
    { range, redirect }: Asked,
    reply: FastifyReply,
  ): Promise<ObjectReading> {
    if (object === undefined) throw internalFault();
    const hangUp = new AbortController();
    reply.raw.once('close', () => reply.raw.writableFinished || hangUp.abort());
    const stretch = range.kind === 'part' ? { stretch: { start: range.start, end: range.end + 1 } } : {};
    const reading = await this.blobs.read(object, { ...stretch, redirect, signal: hangUp.signal });
    if (reading.size === size) return reading;
    reading.stream.destroy();
    const why = `the manifest says that the blob has ${size} bytes, and ${reading.size} come`;
    throw new RegistryError('UPSTREAM', why);
  }
}

/** A part of what is not yet verified says so (RFC 9111 has no code of its own for it), and must not be kept by caches. */
function partHeaders(range: Extract<Satisfiable, { kind: 'part' }>, size: number, verified: boolean): AnswerHeaders {
  return {
    'Content-Range': formatContentRange(range, size),
    ...(verified
      ? {}
      : {
          'Cache-Control': 'no-store',
          Warning: '199 entrepot "not yet verified against the digest: the blob is still coming"',
        }),
  };
}
