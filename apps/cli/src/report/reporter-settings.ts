export interface ReporterSettings {
  /** Under which name it reports. */
  readonly name: string;
  readonly heartbeatMs: number;
  /** How long the sets hold after their last report. */
  readonly leaseSeconds: number;
  /** How long a change waits for others before it is reported. */
  readonly settleMs: number;
  /** The first wait after a failure; it doubles, up to a heartbeat. */
  readonly backoffMs: number;
  /** How long a runtime may take until it is watched. */
  readonly attachMs: number;
  /** Report empty sets in the end, instead of letting the lease run out. */
  readonly withdraw: boolean;
}

export type Say = (line: string) => void;
