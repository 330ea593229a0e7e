import type { BusListener } from '#messaging/bus';

/** A bus within the process: what is published is kept, and heard by whoever listens to exactly that subject. */
export class MemoryBus {
  readonly published: { subject: string; json: unknown }[] = [];
  private readonly listeners = new Map<string, Set<BusListener>>();

  /** How many listen, to whatever. */
  get listening(): number {
    return [...this.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  publish(subject: string, json: unknown): void {
    this.published.push({ subject, json });
    for (const listener of this.listeners.get(subject) ?? []) void listener(json, subject);
  }

  subscribe(subject: string, listener: BusListener): () => void {
    const listening = this.listeners.get(subject) ?? new Set();
    this.listeners.set(subject, listening.add(listener));
    return () => listening.delete(listener);
  }

  async publishDurable(subject: string, json: unknown): Promise<void> {
    this.publish(subject, json);
  }
}
