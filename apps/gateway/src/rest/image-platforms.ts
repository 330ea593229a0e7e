import { Injectable, Logger } from '@nestjs/common';
import { Calls } from '#calls/calls';
import type { Image } from '#contracts/calls/images';
import { type ConfigPlatform, ConfigPlatformSchema, FindConfigs, RecordPlatforms } from '#contracts/calls/platforms';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import type { ImageConfig } from '#oci/image-config';
import { isImageManifest } from '#oci/media-type';
import { formatPlatform } from '#oci/platform';
import { isRegistryError } from '#oci/registry-error';
import { parseRepositoryName } from '#oci/repository-name';
import { ImageConfigs } from './image-configs';

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
    private readonly configs: ImageConfigs,
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
  private async read(config: Config, withinMs: number): Promise<ConfigPlatform | null | undefined> {
    try {
      return platformOf(await this.configs.read(config, AbortSignal.timeout(Math.max(1, Math.ceil(withinMs)))));
    } catch (error) {
      if (isRegistryError(error, 'MANIFEST_INVALID', 'SIZE_INVALID')) return null;
      this.log.debug(`the config in object ${config.object} could not be read: ${String(error)}`);
      return undefined;
    }
  }
}

function platformOf({ os, architecture, variant }: ImageConfig): ConfigPlatform | null {
  return ConfigPlatformSchema.safeParse({ os, architecture, ...(variant ? { variant } : {}) }).data ?? null;
}

function withPlatform(image: Image, platform: ConfigPlatform | null | undefined): Image {
  return platform ? { ...image, platforms: [formatPlatform(platform)] } : image;
}
