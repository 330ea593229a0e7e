import { Inject, Injectable } from '@nestjs/common';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { BlobDriver } from '../driver/blob-driver';
import { BoundedCache } from './bounded-cache';
import { mustMatch, type SettledObject, SettledObjects } from './settled-objects';

/** Small verified blobs that were read lately, kept in memory; each is hashed as it is loaded. */
@Injectable()
export class HotBlobs {
  private readonly kept: BoundedCache<Buffer>;
  private readonly loading = new Map<string, Promise<Buffer>>();

  constructor(
    private readonly driver: BlobDriver,
    private readonly objects: SettledObjects,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
  ) {
    this.kept = new BoundedCache(config.ENTREPOT_HOT_MEMORY_BYTES);
  }

  takes(settled: SettledObject): boolean {
    return settled.size <= this.config.ENTREPOT_HOT_BLOB_BYTES;
  }

  /** All bytes of a small blob. Throws BLOB_UNKNOWN where they are gone or wrong. */
  async read(settled: SettledObject): Promise<Buffer> {
    return this.kept.get(settled.id) ?? this.loading.get(settled.id) ?? this.load(settled);
  }

  forget(object: string): void {
    this.kept.delete(object);
  }

  private load(settled: SettledObject): Promise<Buffer> {
    const loaded = this.readWhole(settled)
      .then((bytes) => {
        this.kept.set(settled.id, bytes, bytes.length + 256);
        return bytes;
      })
      .finally(() => this.loading.delete(settled.id));
    this.loading.set(settled.id, loaded);
    return loaded;
  }

  private async readWhole(settled: SettledObject): Promise<Buffer> {
    const source = this.driver.read(settled.id, settled.extents, { start: 0, end: settled.size });
    try {
      const parts: Buffer[] = [];
      for (let chunk = await source.next(); chunk; chunk = await source.next()) parts.push(chunk);
      const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      mustMatch(bytes, settled.digest);
      return bytes;
    } catch (error) {
      throw await this.objects.lose(settled, error);
    } finally {
      await source.close();
    }
  }
}
