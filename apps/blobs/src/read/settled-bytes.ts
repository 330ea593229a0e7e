import type { Stretch } from '#calls/byte-plane';
import type { ByteSource } from '#calls/byte-source';
import type { BlobDriver } from '../driver/blob-driver';
import type { SettledObject, SettledObjects } from './settled-objects';

/** A stretch of a verified object. Bytes that are not there mark it lost, and end the read with BLOB_UNKNOWN. */
export class SettledBytes implements ByteSource {
  private readonly bytes: ByteSource;

  constructor(
    private readonly settled: SettledObject,
    stretch: Stretch,
    driver: BlobDriver,
    private readonly objects: SettledObjects,
  ) {
    this.bytes = driver.read(settled.id, settled.extents, stretch);
  }

  async next(spare?: Buffer): Promise<Buffer | null> {
    try {
      return await this.bytes.next(spare);
    } catch (error) {
      throw await this.objects.lose(this.settled, error);
    }
  }

  close(): Promise<void> {
    return this.bytes.close();
  }
}
