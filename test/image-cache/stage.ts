import type { NatsWire } from '#testing/nats-wire';
import type { ScriptedUpstream } from '#testing/scripted-upstream';
import type { Warehouse } from '#testing/warehouse';

/** What the suites of one shape have in common; there once it has started. */
export interface Stage {
  readonly upstream: ScriptedUpstream;
  readonly warehouse: Warehouse;
  /** The bus, as nobody in particular. */
  readonly wire: NatsWire;
}
