import { Injectable } from '@nestjs/common';
import { LARGEST_CONFIG } from '#contracts/calls/configs';
import { type ImageConfig, parseImageConfig } from '#oci/image-config';
import { sizeInvalid } from '#oci/registry-error';
import { BlobStore } from '../registry/blob.store';

/** Configs of images, read from the store. */
@Injectable()
export class ImageConfigs {
  constructor(private readonly blobs: BlobStore) {}

  /** `size` in bytes. Throws SIZE_INVALID, MANIFEST_INVALID where it is no JSON object, and what reading throws. */
  async read({ object, size }: { object: string; size: number }, signal: AbortSignal): Promise<ImageConfig> {
    if (size > LARGEST_CONFIG) throw sizeInvalid('a config that is read', LARGEST_CONFIG, size);
    const { stream } = await this.blobs.read(object, { signal });
    const parts: Uint8Array[] = [];
    for await (const part of stream) parts.push(part as Uint8Array);
    return parseImageConfig(Buffer.concat(parts));
  }
}
