import { Injectable, Logger } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { FindConfigs, RecordConfigs } from '#contracts/calls/configs';
import type { Image } from '#contracts/calls/images';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { type ConfigFacts, configFacts } from '#oci/config-facts';
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
type Said = QuestionOf<typeof RecordConfigs>['configs'][number];

const NOTHING: ConfigFacts = { platform: null, labels: {}, created: null };

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
  private async record(configs: Said[]): Promise<void> {
    if (configs.length === 0) return;
    await this.calls.ask(RecordConfigs, { configs }).catch((error: unknown) => {
      this.log.debug(`configs could not be recorded: ${String(error)}`);
    });
  }

  private async readAll(unsaid: readonly Unsaid[]): Promise<Said[]> {
    const deadline = performance.now() + READ_MS;
    const left = [...unsaid];
    const said: Said[] = [];
    const readSome = async () => {
      for (let next = left.shift(); next && performance.now() < deadline; next = left.shift()) {
        const facts = await this.read(next.config, deadline - performance.now());
        if (facts) said.push({ ...facts, manifest: next.image.digest, labels: { ...facts.labels } });
      }
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, readSome));
    return said;
  }

  /** Undefined where its bytes could not be had now. */
  private async read(config: Config, withinMs: number): Promise<ConfigFacts | undefined> {
    try {
      return configFacts(await this.configs.read(config, AbortSignal.timeout(Math.max(1, Math.ceil(withinMs)))));
    } catch (error) {
      if (isRegistryError(error, 'MANIFEST_INVALID', 'SIZE_INVALID')) return NOTHING;
      this.log.debug(`the config in object ${config.object} could not be read: ${String(error)}`);
      return undefined;
    }
  }
}

function withPlatform(image: Image, platform: ConfigFacts['platform'] | undefined): Image {
  return platform ? { ...image, platforms: [formatPlatform({ ...platform })] } : image;
}
