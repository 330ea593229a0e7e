import type { Bus } from '#messaging/bus';
import { RegistryError } from '#oci/registry-error';

/** Probes within this time are answered alike, in milliseconds: whoever probes costs the store nothing. */
const SAME_FOR_MS = 1_000;

/** Asks something that a service cannot do without; answers a warning, or null. Throws where it is away. */
export type Probe = () => Promise<string | null>;

/** What a service says of itself: each of its needs by name, `ok` perhaps with a warning, or why it is away. */
export interface ReadinessReport {
  readonly isReady: boolean;
  readonly body: Readonly<Record<string, string>>;
}

let draining = false;

/** This process ends: whoever sends it work is told from now on to send it elsewhere. */
export function beginDraining(): void {
  draining = true;
}

/** Whether a service can do its work now. The bus is only reported: everything but waking goes on without it. */
export class Readiness {
  private last:
    | { readonly at: number; readonly parts: Promise<readonly (readonly [string, string, boolean])[]> }
    | undefined;

  constructor(
    private readonly needs: Readonly<Record<string, Probe>>,
    private readonly bus: Pick<Bus, 'state'>,
  ) {}

  async report(now: number = Date.now()): Promise<ReadinessReport> {
    const parts = await this.parts(now);
    const isReady = !draining && parts.every(([, , isHere]) => isHere);
    const status = isReady ? 'ready' : draining ? 'draining' : 'not ready';
    const said = Object.fromEntries(parts.map(([name, text]) => [name, text]));
    return { isReady, body: { status, ...said, bus: describeBus(this.bus) } };
  }

  private parts(now: number) {
    if (this.last && now - this.last.at < SAME_FOR_MS) return this.last.parts;
    const parts = Promise.all(Object.entries(this.needs).map(([name, probe]) => ask(name, probe)));
    this.last = { at: now, parts };
    return parts;
  }
}

async function ask(name: string, probe: Probe): Promise<readonly [string, string, boolean]> {
  try {
    const warning = await probe();
    return [name, warning === null ? 'ok' : `ok, but ${warning}`, true];
  } catch (error) {
    const said = error instanceof RegistryError ? error.message : 'an internal error: the log says more';
    return [name, said, false];
  }
}

function describeBus(bus: Pick<Bus, 'state'>): string {
  const { connected, server, fault } = bus.state();
  return connected && fault === null ? `ok, nats-server ${server}` : (fault ?? 'not connected');
}
