import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { inSpan } from '#telemetry/tracing';
import { BytePlane, type ObjectReading, type ReadOptions } from './byte-plane';
import { CallRegistry } from './call-registry';

/** The byte plane of this process: streams go straight through, capabilities are checked all the same. */
@Injectable()
export class InProcessBytePlane extends BytePlane {
  constructor(private readonly registry: CallRegistry) {
    super();
  }

  override read(capability: string, object: string, options?: ReadOptions): Promise<ObjectReading> {
    return this.registry.bytes.read(capability, object, options);
  }

  override append(
    capability: string,
    session: string,
    offset: number,
    stream: Readable,
    options?: { signal?: AbortSignal },
  ): Promise<{ offset: number }> {
    return inSpan('blobs.append-session', {}, () =>
      this.registry.bytes.append(capability, session, offset, stream, options),
    );
  }
}
