/** Rung any number of times, heard once. */
export class Bell {
  private isRung = false;
  private broken: { readonly error: unknown } | undefined;
  private wake = () => {};

  ring(): void {
    this.isRung = true;
    this.wake();
  }

  /** Whoever listens, now or later, gets this error. */
  break(error: unknown): void {
    this.broken ??= { error };
    this.wake();
  }

  /** Waits for a ring since the last one that was heard: true, or false where none comes within a time or the signal ends it. */
  async heard(withinMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.isRung) await this.wait(withinMs, signal);
    if (this.broken) throw this.broken.error;
    const rung = this.isRung;
    this.isRung = false;
    return rung;
  }

  /** Waits for the whole time, however often it rings. */
  async rest(forMs: number, signal: AbortSignal): Promise<void> {
    const until = performance.now() + forMs;
    for (let left = forMs; left > 0 && !signal.aborted && !this.broken; left = until - performance.now()) {
      await this.wait(left, signal);
    }
    if (this.broken) throw this.broken.error;
  }

  private async wait(withinMs: number, signal: AbortSignal): Promise<void> {
    if (this.broken || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.wake = () => {};
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, withinMs));
      signal.addEventListener('abort', done, { once: true });
      this.wake = done;
    });
  }
}
