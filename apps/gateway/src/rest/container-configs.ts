import { Injectable } from '@nestjs/common';
import type { ReadContainer } from '#contracts/calls/containers';
import type { AnswerOf } from '#contracts/define-call';
import type { ImageRunConfig } from '#oci/image-config';
import { mergeRunConfig, type RunConfig } from '#oci/merge-run-config';
import { isRegistryError } from '#oci/registry-error';
import { ImageConfigs } from './image-configs';

/** A config is read no longer than this, in milliseconds. */
const READ_MS = 5_000;
/** Configs that are kept, each at most so large in bytes: most have some kilobytes. */
const MOST_KEPT = 500;
const LARGEST_KEPT = 64 * 1024;

/**
 * What containers run: metadata has their overrides and no bytes, so both are put together here. A config is kept by
 * its object's id, which is never used again.
 */
@Injectable()
export class ContainerConfigs {
  private readonly kept = new Map<string, ImageRunConfig>();

  constructor(private readonly configs: ImageConfigs) {}

  /** Null where the image's config is not here, or is none. Throws what reading throws while the store is away. */
  async of({ container, overrides, config }: AnswerOf<typeof ReadContainer>): Promise<RunConfig | null> {
    if (config === null || container.reporter !== null) return null;
    const image = await this.read(config);
    return image && mergeRunConfig(image, overrides, container.id);
  }

  private async read(config: { object: string; size: number }): Promise<ImageRunConfig | null> {
    const kept = this.kept.get(config.object);
    if (kept) return kept;
    try {
      const read = (await this.configs.read(config, AbortSignal.timeout(READ_MS))).config;
      this.keep(config, read);
      return read;
    } catch (error) {
      if (isRegistryError(error, 'MANIFEST_INVALID', 'SIZE_INVALID', 'BLOB_UNKNOWN', 'GONE')) return null;
      throw error;
    }
  }

  private keep({ object, size }: { object: string; size: number }, config: ImageRunConfig): void {
    if (size > LARGEST_KEPT) return;
    this.kept.set(object, config);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MOST_KEPT) return;
      this.kept.delete(oldest);
    }
  }
}
