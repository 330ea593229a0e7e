import { Inject, Injectable, Logger } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { ReadGrace } from '#contracts/calls/sessions';
import { BLOBS_CONFIG, type BlobsConfig, leastGraceMs } from '../blobs.config';

/** How long an answer of metadata counts, in milliseconds. */
const SAME_ANSWER_MS = 60_000;

/**
 * Whether what is condemned is kept for as long as a client may read that was sent to the storage. It is metadata's
 * setting that counts, whatever is set here.
 */
@Injectable()
export class LinkGrace {
  private readonly log = new Logger('Blobs');
  private asked: { readonly at: number; readonly suffices: Promise<boolean> } | undefined;
  private said: string | null = null;

  constructor(
    private readonly calls: Calls,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
  ) {}

  /** False also where clients are never sent there, or metadata does not say. */
  async suffices(): Promise<boolean> {
    if (this.config.ENTREPOT_S3_PUBLIC_ENDPOINT === undefined) return false;
    const now = performance.now();
    if (!this.asked || now - this.asked.at > SAME_ANSWER_MS) this.asked = { at: now, suffices: this.ask() };
    return this.asked.suffices;
  }

  private async ask(): Promise<boolean> {
    try {
      const { graceMs } = await this.calls.ask(ReadGrace, {});
      const least = leastGraceMs(this.config);
      return this.judge(
        graceMs >= least,
        `metadata has an ENTREPOT_GRACE_MS of ${graceMs}, and it must be at least ${least}`,
      );
    } catch (error) {
      // Whoever asks next asks again.
      this.asked = undefined;
      return this.judge(false, `metadata does not say its ENTREPOT_GRACE_MS: ${String(error)}`);
    }
  }

  /** Said when it begins, and when that has changed. */
  private judge(suffices: boolean, why: string): boolean {
    const says = suffices ? null : why;
    if (says !== null && says !== this.said)
      this.log.error(`nobody is sent to the storage, readers have the bytes through here: ${says}`);
    this.said = says;
    return suffices;
  }
}
