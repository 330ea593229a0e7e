import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { LeaseObject, ReleaseObject } from '#contracts/calls/sessions';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';

/** A lease outlasts two renewals that fail. */
const RENEWALS = 3;

interface Lease {
  readonly holder: string;
  readers: number;
  asked: Promise<void>;
  readonly timer: NodeJS.Timeout;
}

/** Leases of long reads: one an object, whatever the number of its readers here. Purge waits for them. */
@Injectable()
export class ReadLeases implements OnModuleDestroy {
  private readonly log = new Logger('Blobs');
  private readonly leases = new Map<string, Lease>();

  constructor(
    private readonly calls: Calls,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
  ) {}

  /** A read begins; it ends when the answered function is called. `expire` is called when it lasts too long. */
  begin(object: string, expire: () => void): () => void {
    let held = false;
    const first = setTimeout(() => {
      held = true;
      this.hold(object);
    }, this.config.ENTREPOT_READ_LEASE_AFTER_MS);
    const last = setTimeout(expire, this.config.ENTREPOT_LONGEST_READ_MS);
    for (const timer of [first, last]) timer.unref();
    let ended = false;
    return () => {
      clearTimeout(first);
      clearTimeout(last);
      if (held && !ended) void this.release(object);
      ended = true;
    };
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.leases].map(([object, lease]) => this.end(object, lease)));
  }

  private hold(object: string): void {
    const known = this.leases.get(object);
    if (known) {
      known.readers += 1;
      return;
    }
    const renew = () => {
      lease.asked = lease.asked.then(() => this.ask(object, lease.holder));
    };
    const timer = setInterval(renew, this.config.ENTREPOT_READ_LEASE_AFTER_MS);
    const lease: Lease = { holder: randomUUID(), readers: 1, asked: Promise.resolve(), timer };
    this.leases.set(object, lease);
    renew();
  }

  /** What cannot be leased is read all the same, as long as its bytes are there. */
  private async ask(object: string, holder: string): Promise<void> {
    const forMs = this.config.ENTREPOT_READ_LEASE_AFTER_MS * RENEWALS;
    await this.calls.ask(LeaseObject, { object, holder, forMs }).catch((error: unknown) => {
      this.log.warn(`no lease on object ${object}: ${String(error)}`);
    });
  }

  private async release(object: string): Promise<void> {
    const lease = this.leases.get(object);
    if (!lease) return;
    lease.readers -= 1;
    if (lease.readers === 0) await this.end(object, lease);
  }

  private async end(object: string, lease: Lease): Promise<void> {
    clearInterval(lease.timer);
    this.leases.delete(object);
    await lease.asked;
    await this.calls.ask(ReleaseObject, { object, holder: lease.holder }).catch(() => {});
  }
}
