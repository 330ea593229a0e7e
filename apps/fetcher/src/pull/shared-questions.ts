/**
 * Questions that several ask at the same time, one at a time for each key. Who shares a question that was sent already
 * learns what was so before it asked; who may not shares the next one with all who ask until that is sent, which is
 * when the one before has been answered.
 */
export class SharedQuestions<Answer> {
  private readonly sent = new Map<string, Promise<Answer>>();
  private readonly next = new Map<string, Promise<Answer>>();

  /** The answer to a question that may be under way. */
  join(key: string, send: () => Promise<Answer>): Promise<Answer> {
    return this.sent.get(key) ?? this.askAnew(key, send);
  }

  /** The answer to a question that was not sent yet when it was asked for. */
  askAnew(key: string, send: () => Promise<Answer>): Promise<Answer> {
    const waiting = this.next.get(key);
    if (waiting !== undefined) return waiting;
    const before = this.sent.get(key);
    if (before === undefined) return this.send(key, send);
    const next = before
      .then(
        () => {},
        () => {},
      )
      .then(() => {
        this.next.delete(key);
        return this.send(key, send);
      });
    this.next.set(key, next);
    return next;
  }

  private send(key: string, send: () => Promise<Answer>): Promise<Answer> {
    const answer = send().finally(() => this.sent.delete(key));
    this.sent.set(key, answer);
    return answer;
  }
}

/** What a shared answer is, unless the signal is aborted first: whoever stops waiting stops nobody else's question. Throws the signal's reason. */
export function whileWanted<Answer>(answer: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
