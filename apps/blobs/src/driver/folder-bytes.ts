import { type FileHandle, open } from 'node:fs/promises';
import { BUFFER_BYTES, type Stretch } from '#calls/byte-plane';
import type { ByteSource } from '#calls/byte-source';
import { cancelled } from '#oci/registry-error';
import { MissingBytes } from './blob-driver';

/** A stretch of one file, read in buffers of 1 MiB. */
export class FolderBytes implements ByteSource {
  private file: Promise<FileHandle> | null = null;
  private closing: Promise<void> | null = null;
  private position: number;

  constructor(
    private readonly path: string,
    private readonly stretch: Stretch,
    /** Where the file must end at the least: what is shorter was cut. */
    private readonly size: number,
    /** Tells what went wrong: the bytes are gone, or the store is. */
    private readonly explain: (error: unknown) => Promise<Error>,
  ) {
    this.position = stretch.start;
  }

  async next(spare?: Buffer): Promise<Buffer | null> {
    const length = Math.min(spare?.length ?? BUFFER_BYTES, this.stretch.end - this.position);
    if (this.closing) throw cancelled('the read');
    if (length <= 0) return null;
    try {
      return await this.read(spare ?? Buffer.allocUnsafeSlow(length), length);
    } catch (error) {
      throw await this.explain(error);
    }
  }

  async close(): Promise<void> {
    this.closing ??= this.file?.then((file) => file.close()).catch(() => {}) ?? Promise.resolve();
    await this.closing;
  }

  private async read(buffer: Buffer, length: number): Promise<Buffer> {
    this.file ??= this.open();
    const file = await this.file;
    const { bytesRead } = await file.read(buffer, 0, length, this.position);
    if (bytesRead === 0) throw new MissingBytes(`the file of the object ends at byte ${this.position}`);
    this.position += bytesRead;
    return buffer.subarray(0, bytesRead);
  }

  private async open(): Promise<FileHandle> {
    const file = await open(this.path, 'r');
    const { size } = await file.stat();
    if (size >= this.size) return file;
    await file.close();
    throw new MissingBytes(`the file of the object has ${size} of ${this.size} bytes`);
  }
}
