const ID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** One listener's ear: what was said since it last took it. */
export interface Ear {
  take(): ReadonlySet<string>;
  /** Resolves at the first news after `least`, after `most` without any, or at once when `signal` aborts; milliseconds. */
  wait(least: number, most: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

interface Listening {
  readonly operation: string | null;
  readonly heard: Set<string>;
  wake: () => void;
}

/** Which operations were spoken of: hands each message on to those who listen for its operation, or for any. */
export class OperationNews {
  private readonly listening = new Set<Listening>();

  /** The id ends the subject, or stands in the message as `operation`, or in a fact's data. */
  hear(subject: string, json: unknown): void {
    const id = ID.exec(subject)?.[0] ?? operationOf(json);
    if (id === undefined) return;
    for (const each of this.listening) {
      if (each.operation !== null && each.operation !== id) continue;
      each.heard.add(id);
      each.wake();
    }
  }

  /** `null` listens for all. */
  listen(operation: string | null): Ear {
    const listening: Listening = { operation, heard: new Set(), wake: () => {} };
    this.listening.add(listening);
    return {
      take: () => {
        const heard = new Set(listening.heard);
        listening.heard.clear();
        return heard;
      },
      wait: async (least, most, signal) => {
        await pause(listening, Math.min(least, most), signal, false);
        if (listening.heard.size === 0) await pause(listening, Math.max(0, most - least), signal, true);
      },
      close: () => this.listening.delete(listening),
    };
  }
}

function pause(listening: Listening, ms: number, signal: AbortSignal, canBeWoken: boolean): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', settle);
      listening.wake = () => {};
      resolve();
    };
    const timer = setTimeout(settle, ms);
    signal.addEventListener('abort', settle);
    if (canBeWoken) listening.wake = settle;
  });
}

function operationOf(json: unknown): string | undefined {
  const { operation, data } = (json ?? {}) as { operation?: unknown; data?: { operation?: unknown } };
  const id = operation ?? data?.operation;
  return typeof id === 'string' ? id : undefined;
}
