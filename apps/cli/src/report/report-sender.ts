import {
  type ContainerReportOutcome,
  type ReportedContainer,
  ReportRefusalSchema,
} from '#contracts/bodies/container-report';
import { PeerFault } from './http-peer';
import type { ReporterSettings, Say } from './reporter-settings';
import type { SendReport } from './send-report';
import { MOST_PARTS, partName, splitReport } from './split-report';

/** Below the 1 MiB that the body of a request may have, with room for what stands around the containers. */
const MOST_BYTES = 960 * 1024;
const LEAST_BYTES = 16 * 1024;
/** The shortest lease there is. */
const SHORTEST_LEASE_S = 10;

interface Sent {
  readonly holder: string;
  /** The containers as they were said. */
  readonly text: string;
  readonly at: number;
}

/** Sends sets, in as many parts as they need, each under a name of its own; a part that is as it was waits for the heartbeat. */
export class ReportSender {
  private readonly sent = new Map<number, Sent>();
  private readonly notHeld = new Map<number, number>();
  private parts = 1;
  private mostBytes = MOST_BYTES;
  private sequence = 0;

  constructor(
    private readonly send: SendReport,
    private readonly settings: Pick<ReporterSettings, 'name' | 'leaseSeconds' | 'heartbeatMs'>,
    private readonly say: Say,
    private readonly now: () => number,
  ) {}

  /** Throws PeerFault where a part was not taken; those after it are sent anyway, if it was not for want of an answer. */
  async report(holder: string, containers: readonly ReportedContainer[], signal?: AbortSignal): Promise<void> {
    const parts = splitReport(containers, { least: this.parts, mostBytes: this.mostBytes });
    this.parts = parts.length;
    let refused: PeerFault | undefined;
    // Where a part was divided, what left it is in its new part before it leaves the old one.
    for (const [part, set] of [...parts.entries()].reverse()) {
      try {
        await this.sendPart(part, holder, set, signal);
      } catch (error) {
        if (!(error instanceof PeerFault) || error.status === undefined || error.status >= 500) throw error;
        if (error.status === 413 && this.divide()) return this.report(holder, containers, signal);
        refused ??= error;
      }
    }
    if (refused) throw refused;
  }

  /** Says of every part that was sent that it is empty. Throws PeerFault. */
  async withdraw(): Promise<void> {
    for (const [part, { holder }] of this.sent) {
      await this.sendNow(part, { holder, leaseSeconds: SHORTEST_LEASE_S }, []);
    }
    if (this.sent.size > 0) this.say(`withdrew what was reported as ${this.settings.name}`);
    this.sent.clear();
  }

  private async sendPart(
    part: number,
    holder: string,
    set: readonly ReportedContainer[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const text = JSON.stringify(set);
    const before = this.sent.get(part);
    const isKnown = before?.holder === holder && before.text === text;
    // A timer may be early: what is nearly due is due.
    if (isKnown && this.now() - before.at < this.settings.heartbeatMs * 0.9) return;
    const outcome = await this.sendNow(part, { holder, leaseSeconds: this.settings.leaseSeconds }, set, signal);
    this.sent.set(part, { holder, text, at: this.now() });
    this.tellOf(part, set.length, outcome, before === undefined);
  }

  private async sendNow(
    part: number,
    lease: { readonly holder: string; readonly leaseSeconds: number },
    containers: readonly ReportedContainer[],
    signal?: AbortSignal,
  ): Promise<ContainerReportOutcome> {
    this.sequence = Math.max(this.now(), this.sequence + 1);
    const body = { reporter: partName(this.settings.name, part), ...lease, sequence: this.sequence };
    try {
      return await this.send({ ...body, containers: [...containers] }, signal);
    } catch (error) {
      // The clock was set back since: to wait until it is there again would let the lease run out.
      const { data: refusal } = ReportRefusalSchema.safeParse(error instanceof PeerFault ? error.about : {});
      if (refusal?.reason === 'stale') this.sequence = Math.max(this.sequence, refusal.sequence ?? 0);
      throw error;
    }
  }

  /** An installation may take less in one request than others do. */
  private divide(): boolean {
    this.mostBytes = Math.floor(this.mostBytes / 2);
    return this.mostBytes >= LEAST_BYTES && this.parts <= MOST_PARTS;
  }

  private tellOf(part: number, count: number, outcome: ContainerReportOutcome, isFirst: boolean): void {
    const { created, changed, removed, unknown, unknownCount } = outcome;
    const isNews = isFirst || created + changed + removed > 0 || unknownCount !== this.notHeld.get(part);
    this.notHeld.set(part, unknownCount);
    if (!isNews) return;
    const what = `${count} containers as ${partName(this.settings.name, part)}: ${created} new, ${changed} changed, ${removed} gone`;
    const named = unknown.slice(0, 3).join(', ');
    const more = unknownCount > 3 ? ', …' : '';
    this.say(
      `reported ${what}${unknownCount > 0 ? `; of ${unknownCount} the image is not held here: ${named}${more}` : ''}`,
    );
  }
}
