import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { BytePlane, type ObjectReading, type ReadOptions } from '#calls/byte-plane';
import { allows, type Grant } from '#calls/capability';
import { CAPABILITY_SECRET } from '#calls/capability-secret';
import { denied } from '#oci/registry-error';
import { ObjectReader } from './read/object-reader';
import { UploadSessions } from './upload/upload-sessions';

/** The byte plane where the bytes are. */
@Injectable()
export class LocalBytePlane extends BytePlane {
  constructor(
    private readonly reader: ObjectReader,
    private readonly sessions: UploadSessions,
    @Inject(CAPABILITY_SECRET) private readonly secret: Uint8Array,
  ) {
    super();
  }

  override async read(capability: string, object: string, options: ReadOptions = {}): Promise<ObjectReading> {
    this.mustAllow(capability, { method: 'read', object });
    return this.reader.read(object, options);
  }

  override async append(
    capability: string,
    session: string,
    offset: number,
    stream: Readable,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ offset: number }> {
    this.mustAllow(capability, { method: 'append', object: session });
    return this.sessions.append(session, offset, stream, options.signal);
  }

  private mustAllow(capability: string, wanted: Omit<Grant, 'expires'>): void {
    if (!allows(this.secret, capability, wanted, Date.now())) throw denied('the capability does not allow this');
  }
}
