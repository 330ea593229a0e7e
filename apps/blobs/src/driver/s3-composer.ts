import { createHash } from 'node:crypto';
import type { Stretch } from '#calls/byte-plane';
import type { Extent } from '#contracts/calls/sessions';
import { Gate } from '../upload/gate';
import { MissingBytes, type ObjectComposer } from './blob-driver';
import { type ComposedPart, planComposing } from './plan-composing';
import type { S3Client, StoredKey } from './s3.client';
import { S3Bytes } from './s3-bytes';
import { S3Multipart } from './s3-multipart';

export const PREFIX = 'objects/';

/** One composer ever writes to it, since an object to be composed is given to one: so that its uploads can be found. */
export const composedKey = (object: string): string => `${PREFIX}${object}/whole`;

const COPIES_AT_ONCE = 4;

/**
 * One key of many, put together in the store. The bytes were verified when their upload ended, and are not hashed once
 * more: what the store copies never leaves it, from keys that are written once by one writer, of the size that their
 * rows say and still the ones that were looked at. What has to be rewritten passes through this process, so it is read
 * twice, and written with its hash: the bytes of a transfer that failed unseen would otherwise be kept for ever.
 */
export class S3Composer implements ObjectComposer {
  constructor(private readonly client: S3Client) {}

  async compose(source: string, extents: readonly Extent[], target: string, signal: AbortSignal): Promise<Extent> {
    const stored = await this.storedKeys(source, extents, signal);
    const key = composedKey(target);
    const upload = await S3Multipart.begin(this.client, key, signal);
    await this.sendParts(upload, extents, stored, signal);
    const length = extents.reduce((sum, extent) => sum + extent.length, 0);
    // Whatever became of the answer: this upload alone makes that key.
    const failure = await upload.complete(signal).then(
      () => undefined,
      (error: unknown) => error,
    );
    const made = await this.keysOf(target, signal);
    if (made.get(key)?.bytes === length) return { offset: 0, length, key };
    throw failure ?? new Error(`${key} was composed, and has ${made.get(key)?.bytes} of ${length} bytes`);
  }

  /** What the store has under the source's keys, which is what their rows say. */
  private async storedKeys(
    source: string,
    extents: readonly Extent[],
    signal: AbortSignal,
  ): Promise<Map<string, StoredKey>> {
    const stored = await this.keysOf(source, signal);
    for (const { key, length } of extents) {
      const bytes = stored.get(key ?? '')?.bytes;
      if (bytes !== length) throw new MissingBytes(`the store has ${bytes ?? 'none'} of ${length} bytes of ${key}`);
    }
    return stored;
  }

  private async keysOf(object: string, signal: AbortSignal): Promise<Map<string, StoredKey>> {
    const keys = new Map<string, StoredKey>();
    for await (const stored of this.client.list(`${PREFIX}${object}/`, '', signal)) keys.set(stored.key, stored);
    return keys;
  }

  /** Waits until every request has ended, whatever became of it. Throws the first failure. */
  private async sendParts(
    upload: S3Multipart,
    extents: readonly Extent[],
    stored: Map<string, StoredKey>,
    givenUp: AbortSignal,
  ): Promise<void> {
    const [copies, rewrites, failed] = [new Gate(COPIES_AT_ONCE), new Gate(1), new AbortController()];
    const signal = AbortSignal.any([givenUp, failed.signal]);
    const send = async (part: ComposedPart, number: number) => {
      signal.throwIfAborted();
      if (part.copied === null) return upload.put(number, await this.readTwice(extents, part, signal), signal);
      return upload.copy(number, stored.get(part.copied.key ?? '')!, rangeIn(part.copied, part), signal);
    };
    const sent = planComposing(extents).map((part, index) =>
      (part.copied ? copies : rewrites)
        .run(() => send(part, index + 1))
        .catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
    );
    await Promise.allSettled(sent);
    signal.throwIfAborted();
  }

  private async readTwice(extents: readonly Extent[], stretch: Stretch, signal: AbortSignal): Promise<Buffer> {
    const bytes = await this.read(extents, stretch, signal);
    const again = await this.read(extents, stretch, signal);
    if (sha256(bytes) === sha256(again)) return bytes;
    throw new Error(`bytes ${stretch.start} to ${stretch.end} were read differently twice`);
  }

  private async read(extents: readonly Extent[], stretch: Stretch, signal: AbortSignal): Promise<Buffer> {
    const source = new S3Bytes(this.client, extents, stretch);
    const stop = () => void source.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const parts: Buffer[] = [];
      for (let chunk = await source.next(); chunk; chunk = await source.next()) parts.push(chunk);
      return Buffer.concat(parts);
    } finally {
      signal.removeEventListener('abort', stop);
      await source.close();
    }
  }
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Where a part lies in the key of its extent; null where it is all of it. */
function rangeIn({ offset, length }: Extent, { start, end }: Stretch): Stretch | null {
  return end - start === length ? null : { start: start - offset, end: end - offset };
}
