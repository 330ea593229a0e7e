import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { MOST_PULLS, RecordPulls } from '#contracts/calls/pulls';
import type { Digest } from '#oci/digest';
import type { RepositoryName } from '#oci/repository-name';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';

/** Manifests that are counted at once; of more than these nothing is counted until the next time they are said. */
const MOST_COUNTED = 10 * MOST_PULLS;

/** An end does not wait longer for metadata than this, in milliseconds. */
const LAST_WORD_MS = 3_000;

interface Counted {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  count: number;
  /** By the clock of `performance.now()`, in milliseconds. */
  lastAt: number;
}

/**
 * How often manifests were pulled, kept here and said to metadata now and then. Nobody who pulls waits for it: where
 * metadata cannot be told, those counts are lost.
 */
@Injectable()
export class PullCounts implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly log = new Logger('Gateway');
  private counted = new Map<string, Counted>();
  private saying: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly calls: Calls,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.saySoon(), this.config.ENTREPOT_PULL_COUNT_MS);
    this.timer.unref();
  }

  /** The server has ended: what its last answers were is counted by now. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.saying;
    await this.say(LAST_WORD_MS);
  }

  count(repository: RepositoryName, digest: Digest): void {
    const key = `${repository}@${digest}`;
    const known = this.counted.get(key);
    if (known) {
      known.count += 1;
      known.lastAt = performance.now();
      return;
    }
    if (this.counted.size >= MOST_COUNTED) return;
    this.counted.set(key, { repository, digest, count: 1, lastAt: performance.now() });
    if (this.counted.size >= MOST_PULLS) this.saySoon();
  }

  private saySoon(): void {
    this.saying ??= this.say().finally(() => {
      this.saying = undefined;
    });
  }

  /** Never throws. */
  private async say(deadlineMs = RecordPulls.deadlineMs): Promise<void> {
    const counted = [...this.counted.values()];
    this.counted = new Map();
    try {
      for (let at = 0; at < counted.length; at += MOST_PULLS) {
        const pulls = counted.slice(at, at + MOST_PULLS).map((each) => asPull(each, performance.now()));
        await this.calls.ask(RecordPulls, { pulls }, { deadlineMs });
      }
    } catch (error) {
      this.log.warn(`pulls of up to ${counted.length} manifests were not counted: ${String(error)}`);
    }
  }
}

function asPull({ repository, digest, count, lastAt }: Counted, now: number) {
  return { repository, digest, count, lastMsAgo: Math.max(0, now - lastAt) };
}
