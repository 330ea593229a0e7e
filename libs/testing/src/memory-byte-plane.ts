import { Readable } from 'node:stream';
import { brokenUpload } from '#calls/broken-upload';
import { BytePlane, type ObjectReading } from '#calls/byte-plane';
import { allows } from '#calls/capability';
import { blobUnknown, denied, stale } from '#oci/registry-error';
import type { MetadataBook } from './metadata-book';

/** The byte plane over a book's sessions. What arrived before a stream failed, or was called off, is kept. */
export class MemoryBytePlane extends BytePlane {
  /** Called after each piece that is stored. */
  onAppended: (session: string, offset: number) => void | Promise<void> = () => {};

  constructor(
    private readonly book: MetadataBook,
    private readonly secret: Uint8Array,
  ) {
    super();
  }

  override async append(
    capability: string,
    id: string,
    offset: number,
    stream: Readable,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<{ offset: number }> {
    if (!allows(this.secret, capability, { method: 'append', object: id }, Date.now())) throw denied();
    const session = this.book.sessions.get(id)!;
    if (offset !== session.length) throw stale('not the end of what is stored', session.length);
    session.epoch += 1;
    const { epoch } = session;
    const abort = () => stream.destroy(new Error('called off'));
    signal?.addEventListener('abort', abort);
    stream.on('error', () => {});
    try {
      for await (const piece of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        if (session.epoch !== epoch) throw stale('another writer took the session', session.length);
        session.append(piece);
        await this.onAppended(id, session.length);
      }
    } catch (error) {
      throw error === stream.errored ? brokenUpload(session.length, error) : error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    return { offset: session.length };
  }

  override async read(_capability: string, object: string): Promise<ObjectReading> {
    const session = this.book.sessions.get(object);
    if (!session) throw blobUnknown(object);
    return { size: session.length, verified: session.isEnded, stream: Readable.from([session.bytes]) };
  }
}
