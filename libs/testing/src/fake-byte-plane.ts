import { Readable } from 'node:stream';
import { BytePlane, type ObjectReading, type ReadOptions } from '#calls/byte-plane';
import { allows } from '#calls/capability';
import { blobUnknown, denied } from '#oci/registry-error';

export interface FakeObject {
  readonly size: number;
  readonly verified: boolean;
  /** The bytes from `start` to `end`, exclusive. */
  open(start: number, end: number): Readable;
}

/** Objects of a test, read with a capability that must be good. Nothing is appended. */
export class FakeBytePlane extends BytePlane {
  readonly objects = new Map<string, FakeObject>();
  /** Where verified objects can be read instead. */
  readonly locations = new Map<string, string>();
  readonly reads: { readonly object: string; readonly options: ReadOptions; readonly stream: Readable }[] = [];

  constructor(private readonly secret: Uint8Array) {
    super();
  }

  put(object: string, bytes: Uint8Array, verified = true): void {
    const open = (start: number, end: number) => Readable.from([bytes.subarray(start, end)]);
    this.objects.set(object, { size: bytes.byteLength, verified, open });
  }

  override async read(capability: string, object: string, options: ReadOptions = {}): Promise<ObjectReading> {
    if (!allows(this.secret, capability, { method: 'read', object }, Date.now())) throw denied();
    const found = this.objects.get(object);
    if (!found) throw blobUnknown(object);
    const location = options.redirect ? this.locations.get(object) : undefined;
    if (location !== undefined) return { size: found.size, verified: true, location, stream: Readable.from([]) };
    const { start, end } = options.stretch ?? { start: 0, end: found.size };
    const stream = found.open(start, end);
    options.signal?.addEventListener('abort', () => stream.destroy());
    this.reads.push({ object, options, stream });
    return { size: found.size, verified: found.verified, stream };
  }

  override append(): Promise<{ offset: number }> {
    return Promise.reject(denied('nothing is appended here'));
  }
}
