import { cancelled, timedOut } from '#oci/registry-error';

/**
 * Runs `ask` until it answers, its caller gives up (CANCELLED) or the deadline passes (TIMEOUT: whether it happened
 * is unknown). The signal that `ask` gets tells the answering side to stop.
 */
export async function withinDeadline<T>(
  what: string,
  deadlineMs: number,
  caller: AbortSignal | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', giveUp);
      settle();
    };
    const giveUp = (): void => {
      end(() => reject(cancelled(what)));
      stop.abort();
    };
    const timer = setTimeout(() => {
      end(() => reject(timedOut(what)));
      stop.abort();
    }, deadlineMs);
    if (caller?.aborted) return giveUp();
    caller?.addEventListener('abort', giveUp, { once: true });
    ask(stop.signal).then(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    );
  });
}
