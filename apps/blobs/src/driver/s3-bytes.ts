import type { IncomingMessage } from 'node:http';
import type { Stretch } from '#calls/byte-plane';
import type { Extent } from '#contracts/calls/sessions';
import { cancelled } from '#oci/registry-error';
import { extentAt } from '../upload/extent-coverage';
import { StreamIntake } from '../upload/stream-intake';
import { type ByteSource, MissingBytes } from './blob-driver';
import type { S3Client } from './s3.client';

/** When so little of a key is left, the next one is asked for. */
const READ_AHEAD_BYTES = 1024 * 1024;

/** What is still to be read of one key. */
interface Part {
  readonly key: string;
  start: number;
  readonly end: number;
}

interface Answer {
  readonly response: IncomingMessage;
  readonly intake: StreamIntake;
}

/** A stretch of an object that lies under several keys. What breaks off is asked for again from where it broke. */
export class S3Bytes implements ByteSource {
  private readonly stop = new AbortController();
  private plan: Part[] | null = null;
  private answer: Promise<Answer> | null = null;
  private ahead: Promise<Answer> | null = null;

  constructor(
    private readonly client: S3Client,
    private readonly extents: readonly Extent[],
    private readonly stretch: Stretch,
  ) {}

  async next(): Promise<Buffer | null> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.stop.signal.aborted) throw cancelled('the read');
      try {
        return await this.pull();
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

  private async pull(): Promise<Buffer | null> {
    for (let part = this.parts[0]; part; part = this.parts[0]) {
      this.answer ??= this.open(part);
      const chunk = await this.chunkOf(await this.answer);
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

  private async open({ key, start, end }: Part): Promise<Answer> {
    const response = await this.client.get(key, start, end, this.stop.signal);
    return { response, intake: new StreamIntake(response) };
  }

  /** A reader may rest as long as it likes; the store may not, while it is read. */
  private async chunkOf({ response, intake }: Answer): Promise<Buffer | null> {
    const timer = setTimeout(() => response.destroy(), this.client.timeoutMs);
    try {
      return await intake.next(this.stop.signal);
    } finally {
      clearTimeout(timer);
    }
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
