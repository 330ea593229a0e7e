import type { Stretch } from '#calls/byte-plane';
import type { ByteSource } from '#calls/byte-source';
import type { Extent } from '#contracts/calls/sessions';
import { cancelled } from '#oci/registry-error';
import { extentAt } from '../upload/extent-coverage';
import { MissingBytes } from './blob-driver';
import type { S3Client } from './s3.client';

/** When so little of a key is left, the next one is asked for. */
const READ_AHEAD_BYTES = 1024 * 1024;

/** What is still to be read of one key. */
interface Part {
  readonly key: string;
  start: number;
  readonly end: number;
}

/** A stretch of an object that lies under several keys. What breaks off is asked for again from where it broke. */
export class S3Bytes implements ByteSource {
  private readonly stop = new AbortController();
  private plan: Part[] | null = null;
  private answer: Promise<ByteSource> | null = null;
  private ahead: Promise<ByteSource> | null = null;

  constructor(
    private readonly client: S3Client,
    private readonly extents: readonly Extent[],
    private readonly stretch: Stretch,
  ) {}

  async next(spare?: Buffer): Promise<Buffer | null> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.stop.signal.aborted) throw cancelled('the read');
      try {
        return await this.pull(spare);
      } catch (error) {
        this.answer = null;
        if (this.stop.signal.aborted) throw cancelled('the read');
        await this.client.survive(error, attempt);
      }
    }
  }

  async close(): Promise<void> {
    this.stop.abort();
  }

  private get parts(): Part[] {
    this.plan ??= partsOf(this.extents, this.stretch);
    return this.plan;
  }

  private async pull(spare?: Buffer): Promise<Buffer | null> {
    for (let part = this.parts[0]; part; part = this.parts[0]) {
      this.answer ??= this.open(part);
      const answer = await this.answer;
      const chunk = await answer.next(spare);
      if (chunk) {
        part.start += chunk.length;
        this.lookAhead(part);
        return chunk;
      }
      if (part.start < part.end) throw new Error('the answer of the store ended too soon');
      this.parts.shift();
      this.answer = this.ahead;
      this.ahead = null;
    }
    return null;
  }

  private lookAhead(part: Part): void {
    const next = this.parts[1];
    if (!next || this.ahead || part.end - part.start > READ_AHEAD_BYTES) return;
    this.ahead = this.open(next);
    this.ahead.catch(() => {});
  }

  private open({ key, start, end }: Part): Promise<ByteSource> {
    return this.client.get(key, start, end, this.stop.signal);
  }
}

function partsOf(extents: readonly Extent[], { start, end }: Stretch): Part[] {
  const parts: Part[] = [];
  for (let position = start; position < end; ) {
    const extent = extents[extentAt(extents, position)];
    if (!extent || extent.key === null) throw new MissingBytes(`no key holds byte ${position}`);
    const until = Math.min(extent.offset + extent.length, end);
    parts.push({ key: extent.key, start: position - extent.offset, end: until - extent.offset });
    position = until;
  }
  return parts;
}
