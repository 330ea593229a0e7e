import { setTimeout as sleep } from 'node:timers/promises';
import type { ReportedContainer } from '#contracts/bodies/container-report';
import { Bell } from './bell';
import { PeerFault } from './http-peer';
import { ReportSender } from './report-sender';
import type { ReporterSettings, Say } from './reporter-settings';
import type { Runtime } from './runtime';
import type { SendReport } from './send-report';
import { shapeContainers } from './shape-containers';

/** Says to Entrepot what a runtime runs: whole, soon after a change, and at every heartbeat. */
export class Reporter {
  private readonly sender: ReportSender;
  private failures = 0;
  private lastSaid = '';

  constructor(
    private readonly runtime: Runtime,
    send: SendReport,
    private readonly settings: ReporterSettings,
    private readonly say: Say,
    now: () => number = Date.now,
  ) {
    this.sender = new ReportSender(send, settings, (line) => this.say(line), now);
  }

  /**
   * Until the signal. Whoever is away is asked again, and nothing is reported that was not seen: a set of which nothing
   * is known any more ends with its lease.
   */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.watch(signal);
      } catch (error) {
        if (!signal.aborted) await this.backOff(error, signal);
      }
    }
    if (this.settings.withdraw) await this.sender.withdraw();
  }

  /** One report of what there is now. */
  async once(signal: AbortSignal): Promise<void> {
    await this.attached(signal, async (holder, own) => {
      await this.sender.report(holder, await this.look(own), own);
    });
  }

  private watch(signal: AbortSignal): Promise<void> {
    return this.attached(signal, async (holder, own, bell) => {
      while (!own.aborted) {
        const backOffMs = await this.tell(holder, own);
        if (backOffMs > 0) await bell.rest(backOffMs, own);
        else if (await bell.heard(this.settings.heartbeatMs, own)) await bell.rest(this.settings.settleMs, own);
        // What rang until now is in what is looked at next.
        await bell.heard(0, own);
      }
    });
  }

  /** Reports; answers how long to leave Entrepot alone, 0 where it took the report. Throws only for the runtime. */
  private async tell(holder: string, signal: AbortSignal): Promise<number> {
    const containers = await this.look(signal);
    try {
      await this.sender.report(holder, containers, signal);
      this.failures = 0;
      this.lastSaid = '';
      return 0;
    } catch (error) {
      if (signal.aborted) return 0;
      return this.nextAttemptMs(error);
    }
  }

  private async look(signal: AbortSignal): Promise<ReportedContainer[]> {
    return shapeContainers(await this.runtime.look(signal));
  }

  /** Does the work while the runtime is watched; the end of the one is the end of the other. */
  private async attached(
    signal: AbortSignal,
    work: (holder: string, signal: AbortSignal, bell: Bell) => Promise<void>,
  ): Promise<void> {
    const ended = new AbortController();
    const end = () => ended.abort();
    signal.addEventListener('abort', end, { once: true });
    const bell = new Bell();
    const listening = this.listen(bell, ended.signal);
    try {
      const isWatched = await bell.heard(this.settings.attachMs, ended.signal);
      if (!isWatched) throw new PeerFault(`${this.runtime.title} cannot be watched: it took too long`);
      await work(await this.runtime.holder(ended.signal), ended.signal, bell);
    } finally {
      signal.removeEventListener('abort', end);
      ended.abort();
      await listening;
    }
  }

  private async listen(bell: Bell, signal: AbortSignal): Promise<void> {
    try {
      for await (const _ of this.runtime.changes(signal)) bell.ring();
      bell.break(new PeerFault(`${this.runtime.title} is no longer watched`));
    } catch (error) {
      bell.break(error);
    }
  }

  private async backOff(error: unknown, signal: AbortSignal): Promise<void> {
    await sleep(this.nextAttemptMs(error), undefined, { signal }).catch(() => undefined);
  }

  private nextAttemptMs(error: unknown): number {
    if (!(error instanceof PeerFault)) throw error;
    // The same over and over would hide what else there is to read.
    if (error.message !== this.lastSaid) this.say(`${error.message}; trying again`);
    this.lastSaid = error.message;
    const waitMs = Math.min(this.settings.backoffMs * 2 ** Math.min(this.failures, 20), this.settings.heartbeatMs);
    this.failures += 1;
    return waitMs;
  }
}
