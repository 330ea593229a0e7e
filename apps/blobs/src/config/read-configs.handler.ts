import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { LARGEST_CONFIG, RecordConfigs, TakeConfigs } from '#contracts/calls/configs';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { ImageCompleted } from '#contracts/facts';
import { Bus } from '#messaging/bus';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { type ConfigFacts, configFacts } from '#oci/config-facts';
import { parseImageConfig } from '#oci/image-config';
import { isRegistryError } from '#oci/registry-error';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { ObjectReader } from '../read/object-reader';

type Taken = AnswerOf<typeof TakeConfigs>['configs'][number];
type Said = QuestionOf<typeof RecordConfigs>['configs'][number];

const AT_ONCE = 64;
const NOTHING: ConfigFacts = { platform: null, labels: {}, created: null };

/** Reads the configs of images that came, and tells metadata what they say: images are looked for by it. */
@Injectable()
export class ReadConfigsHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Blobs');
  private readonly loop: WorkLoop;
  private unsubscribe = () => {};

  constructor(
    private readonly reader: ObjectReader,
    private readonly calls: Calls,
    private readonly bus: Bus,
    @Inject(BLOBS_CONFIG) config: BlobsConfig,
  ) {
    this.loop = new WorkLoop('Blobs', config.ENTREPOT_CONFIG_SWEEP_MS, () => this.look());
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.bus.subscribe(ImageCompleted.subject, () => this.loop.wake());
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.unsubscribe();
    await this.loop.stop();
  }

  private async look(): Promise<Found> {
    const { configs: taken, nextInMs } = await this.calls.ask(TakeConfigs, { limit: AT_ONCE });
    const configs: Said[] = [];
    for (const each of taken) {
      const facts = await this.read(each);
      if (facts) configs.push({ manifest: each.manifest, ...facts, labels: { ...facts.labels } });
    }
    if (configs.length > 0) await this.calls.ask(RecordConfigs, { configs });
    return taken.length === AT_ONCE ? 'more' : { nextInMs };
  }

  /** Null where it cannot be read now: it is offered again. */
  private async read({ object, size }: Taken): Promise<ConfigFacts | null> {
    if (size > LARGEST_CONFIG) return NOTHING;
    try {
      const { stream } = await this.reader.read(object);
      const parts: Uint8Array[] = [];
      for await (const part of stream) parts.push(part as Uint8Array);
      return configFacts(parseImageConfig(Buffer.concat(parts)));
    } catch (error) {
      if (isRegistryError(error, 'MANIFEST_INVALID')) return NOTHING;
      this.log.debug(`the config in object ${object} could not be read: ${String(error)}`);
      return null;
    }
  }
}
