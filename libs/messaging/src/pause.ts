/** Waits that end early when their owner does. */
export class Pause {
  private readonly waiting = new Set<() => void>();
  private isEnded = false;

  get ended(): boolean {
    return this.isEnded;
  }

  /** Resolves after `ms`, or when somebody wakes or ends it. */
  for(ms: number): Promise<void> {
    if (this.isEnded) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const waiting = this.waiting;
      function done() {
        clearTimeout(timer);
        waiting.delete(done);
        resolve();
      }
      waiting.add(done);
    });
  }

  wake(): void {
    for (const done of [...this.waiting]) done();
  }

  end(): void {
    this.isEnded = true;
    this.wake();
  }
}
