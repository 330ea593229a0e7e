import { Injectable, Logger } from '@nestjs/common';
import { Calls } from '#calls/calls';
import type { Image } from '#contracts/calls/images';
import {
  type ConfigPlatform,
  ConfigPlatformSchema,
  FindConfigs,
  LARGEST_CONFIG,
  RecordPlatforms,
} from '#contracts/calls/platforms';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { parseImageConfig } from '#oci/image-config';
import { isImageManifest } from '#oci/media-type';
import { formatPlatform } from '#oci/platform';
import { isRegistryError } from '#oci/registry-error';
import { parseRepositoryName } from '#oci/repository-name';
import { BlobStore } from '../registry/blob.store';

/** Configs that are read at once for one list. */
const READS_AT_ONCE = 8;

/** A list does not wait longer for all its configs together, in milliseconds: those that are left are read by the next. */
const READ_MS = 2_000;

type Config = NonNullable<AnswerOf<typeof FindConfigs>['configs'][number]>;
type Said = QuestionOf<typeof RecordPlatforms>['platforms'][number];

interface Unsaid {
  readonly image: Image;
  readonly config: Config;
}

/**
 * The platform of an image whose manifest is in no index stands in its config alone. Each is read when the image is
 * first listed, and said to metadata, which knows it from then on. A list never fails for it.
 */
@Injectable()
export class ImagePlatforms {
  private readonly log = new Logger('Gateway');

  constructor(
    private readonly calls: Calls,
    private readonly blobs: BlobStore,
  ) {}

  /** The same images, with the platforms that could be read. */
  async complete(images: readonly Image[]): Promise<readonly Image[]> {
    const asked = images.filter((image) => image.platforms.length === 0 && isImageManifest(image.mediaType));
    if (asked.length === 0) return images;
    try {
      const said = await this.readAll(await this.find(asked));
      await this.record(said);
      const platforms = new Map(said.map(({ manifest, platform }) => [manifest, platform]));
      return images.map((image) => withPlatform(image, platforms.get(image.digest)));
    } catch (error) {
      this.log.debug(`platforms could not be read: ${String(error)}`);
      return images;
    }
  }

  private async find(asked: readonly Image[]): Promise<Unsaid[]> {
    const images = asked.map(({ repository, digest }) => ({ repository: parseRepositoryName(repository), digest }));
    const { configs } = await this.calls.ask(FindConfigs, { images });
    return asked.flatMap((image, at) => (configs[at] ? [{ image, config: configs[at] }] : []));
  }

  /** Where metadata cannot be told, the next list reads them again. */
  private async record(platforms: Said[]): Promise<void> {
    if (platforms.length === 0) return;
    await this.calls.ask(RecordPlatforms, { platforms }).catch((error: unknown) => {
      this.log.debug(`platforms could not be recorded: ${String(error)}`);
    });
  }

  private async readAll(unsaid: readonly Unsaid[]): Promise<Said[]> {
    const deadline = performance.now() + READ_MS;
    const left = [...unsaid];
    const said: Said[] = [];
    const readSome = async () => {
      for (let next = left.shift(); next && performance.now() < deadline; next = left.shift()) {
        const platform = await this.read(next.config, deadline - performance.now());
        if (platform !== undefined) said.push({ manifest: next.image.digest, platform });
      }
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, readSome));
    return said;
  }

  /** null where the config says none that can be read; undefined where its bytes could not be had now. */
  private async read({ object, size }: Config, withinMs: number): Promise<ConfigPlatform | null | undefined> {
    if (size > LARGEST_CONFIG) return null;
    try {
      const { stream } = await this.blobs.read(object, {
        signal: AbortSignal.timeout(Math.max(1, Math.ceil(withinMs))),
      });
      const parts: Uint8Array[] = [];
      for await (const part of stream) parts.push(part as Uint8Array);
      return platformOf(Buffer.concat(parts));
    } catch (error) {
      if (isRegistryError(error, 'MANIFEST_INVALID')) return null;
      this.log.debug(`the config in object ${object} could not be read: ${String(error)}`);
      return undefined;
    }
  }
}

/** Throws MANIFEST_INVALID where it is no JSON object. */
function platformOf(bytes: Uint8Array): ConfigPlatform | null {
  const { os, architecture, variant } = parseImageConfig(bytes);
  return ConfigPlatformSchema.safeParse({ os, architecture, ...(variant ? { variant } : {}) }).data ?? null;
}

function withPlatform(image: Image, platform: ConfigPlatform | null | undefined): Image {
  return platform ? { ...image, platforms: [formatPlatform(platform)] } : image;
}
