import { readFileSync } from 'node:fs';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { StartFault } from '#config/start-fault';
import { AuthCallout, readIssuer } from '#messaging/auth-callout';
import { Bus } from '#messaging/bus';
import { BusConnections } from '#messaging/bus-connections';
import { LastingFault } from '#messaging/lasting-fault';
import { conflict } from '#oci/registry-error';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { BusUserStore } from './bus-user.store';

/**
 * After one was deleted it is looked so often, in milliseconds, for connections that it still has: a server may be told
 * for some seconds more what was true when it asked.
 */
const LOOKS_MS = [0, 1_000, 3_000, 8_000];
const SWEEP_MS = 30_000;

type IssuerSettings = Pick<MetadataConfig, 'ENTREPOT_NATS_ISSUER' | 'ENTREPOT_NATS_ISSUER_FILE'>;

/** Lets in on the bus who is known, and ends the connections of who is not any more. */
@Injectable()
export class BusLoginHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Bus logins');
  private readonly fault = new LastingFault(this.log);
  private readonly connections: BusConnections;
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly seed: { readonly text: string; readonly setting: string } | null;
  private callout: AuthCallout | null = null;
  private sweep: NodeJS.Timeout | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly users: BusUserStore,
    @Inject(METADATA_CONFIG) config: MetadataConfig,
  ) {
    this.connections = new BusConnections(bus);
    this.seed = bus.keepsStreams ? seedOf(config) : null;
  }

  /** Not in a process that only looks into the database. */
  onApplicationBootstrap(): void {
    if (!this.seed) return;
    const issuer = readIssuer(this.seed.text, this.seed.setting);
    this.callout = new AuthCallout(this.bus, issuer, (principal, password) => this.users.admits(principal, password));
    this.sweep = setInterval(() => void this.look(), SWEEP_MS);
  }

  onModuleDestroy(): void {
    this.callout?.stop();
    clearInterval(this.sweep);
    for (const timer of this.timers) clearTimeout(timer);
  }

  /** Throws CONFLICT where the users of the bus are somebody else's. */
  mustLetIn(): void {
    if (this.seed) return;
    const message =
      'the users of this bus are not made here: set ENTREPOT_NATS_ISSUER_FILE to the key that its auth_callout trusts';
    throw conflict(message);
  }

  /** Ends the connections of those who were deleted, now and until none can have come in meanwhile. */
  cutSoon(): void {
    for (const ms of LOOKS_MS) {
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        void this.look();
      }, ms);
      this.timers.add(timer);
    }
  }

  private async look(): Promise<void> {
    if (!this.bus.state().connected) return;
    try {
      const cut = await this.connections.cut((users) => this.users.known(users));
      if (cut > 0) this.log.log(`ended ${cut} connections of users that were deleted`);
      this.fault.over();
    } catch (error) {
      this.fault.warn(`whether deleted users are still on the bus is not known: ${(error as Error).message}`);
    }
  }
}

function seedOf({ ENTREPOT_NATS_ISSUER: text, ENTREPOT_NATS_ISSUER_FILE: path }: IssuerSettings) {
  if (text !== undefined) return { text, setting: 'ENTREPOT_NATS_ISSUER' };
  if (path === undefined) return null;
  try {
    return { text: readFileSync(path, 'utf8'), setting: 'ENTREPOT_NATS_ISSUER_FILE' };
  } catch (error) {
    throw new StartFault(
      `ENTREPOT_NATS_ISSUER_FILE: ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}.`,
    );
  }
}
