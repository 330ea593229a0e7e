import type { ContainerState } from '#contracts/bodies/container';

/** A container as a runtime tells of it, before it is made to fit a report. */
export interface SeenContainer {
  /** Its id where it runs, like no other of this runtime. */
  readonly id: string;
  readonly name: string;
  /** As it was named there. */
  readonly image: string;
  /** Of the manifest, index or config that it runs, where the runtime says so. */
  readonly digest?: string | undefined;
  readonly state: ContainerState;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly createdAt?: number | undefined;
}

/** What runs where: a Docker engine, a Kubernetes cluster. Each throws PeerFault where that does not answer. */
export interface Runtime {
  /** As a person calls it. */
  readonly title: string;
  /** An id that it keeps as long as it lives, like no other's. */
  holder(signal: AbortSignal): Promise<string>;
  /** Says something once it watches, and after each change. Ends by throwing. */
  changes(signal: AbortSignal): AsyncIterable<void>;
  /** Every container there is now, those that stopped too. To be asked while `changes` goes on. */
  look(signal: AbortSignal): Promise<readonly SeenContainer[]>;
}
