interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly answer: Promise<Answer>;
  readonly settle: (answer: Answer) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Answers many questions by one query at a time. A question joins only a query that is not yet sent, so no answer is
 * older than its question; equal questions are asked once; the next query leaves when the last has returned.
 */
export class QuestionBatcher<Question, Answer> {
  private waiting = new Map<string, Waiting<Question, Answer>>();
  private busy = false;

  /** `query` answers in the order of its questions, `most` at once at the most. */
  constructor(
    private readonly keyOf: (question: Question) => string,
    private readonly query: (questions: Question[]) => Promise<readonly Answer[]>,
    private readonly most: number,
  ) {}

  ask(question: Question): Promise<Answer> {
    const key = this.keyOf(question);
    const same = this.waiting.get(key);
    if (same) return same.answer;
    const { promise: answer, settle, fail } = deferred<Answer>();
    this.waiting.set(key, { question, answer, settle, fail });
    this.sendSoon();
    return answer;
  }

  private sendSoon(): void {
    if (this.busy || this.waiting.size === 0) return;
    this.busy = true;
    setImmediate(() => this.send());
  }

  private async send(): Promise<void> {
    const batch = [...this.waiting].slice(0, this.most);
    for (const [key] of batch) this.waiting.delete(key);
    try {
      const answers = await this.query(batch.map(([, { question }]) => question));
      batch.forEach(([, { settle }], at) => {
        settle(answers[at]!);
      });
    } catch (error) {
      for (const [, { fail }] of batch) fail(error);
    } finally {
      this.busy = false;
      this.sendSoon();
    }
  }
}

function deferred<Answer>() {
  let settle!: (answer: Answer) => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<Answer>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  return { promise, settle, fail };
}
