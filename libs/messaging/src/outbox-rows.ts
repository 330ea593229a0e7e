export interface OutboxRow {
  /** A whole number as text; they rise in the order in which facts of one aggregate were committed. */
  readonly id: string;
  readonly subject: string;
  /** A CloudEvent. */
  readonly message: { readonly data?: unknown };
  readonly messageId: string;
}

/** The outbox as the relay sees it; the owner of the database implements it. */
export abstract class OutboxRows {
  /** Takes the partitions that nobody holds, renews those that `worker` holds, and answers all that it then holds. */
  abstract hold(worker: string, leaseMs: number): Promise<number[]>;
  /** The oldest rows of a partition, oldest first. */
  abstract read(partition: number, limit: number): Promise<OutboxRow[]>;
  abstract remove(ids: readonly string[]): Promise<void>;
  /** Gives back what `worker` holds, so that another needs not wait for the lease to lapse. */
  abstract release(worker: string): Promise<void>;
  /** Calls back after each commit that wrote facts. Answers how to stop. */
  abstract onWritten(listener: () => void): () => void;
}
