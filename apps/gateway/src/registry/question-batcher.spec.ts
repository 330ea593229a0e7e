import { QuestionBatcher } from './question-batcher';

/** Queries that end when the test says so. */
function gated() {
  const queries: { questions: string[]; end: (answers: string[]) => void; fail: (error: Error) => void }[] = [];
  const query = (questions: string[]) =>
    new Promise<string[]>((end, fail) => {
      queries.push({ questions, end, fail });
    });
  return { queries, query };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));
const answersOf = (questions: string[]) => questions.map((question) => `${question}!`);

describe('QuestionBatcher', () => {
  test('questions of one turn go together, equal ones once', async () => {
    const { queries, query } = gated();
    const batcher = new QuestionBatcher(String, query, 10);
    const asked = Promise.all([batcher.ask('a'), batcher.ask('b'), batcher.ask('a')]);
    await turn();
    expect(queries.map(({ questions }) => questions)).toEqual([['a', 'b']]);
    queries[0]!.end(['A', 'B']);
    await expect(asked).resolves.toEqual(['A', 'B', 'A']);
  });

  test('a question never joins a query that was sent before it', async () => {
    const { queries, query } = gated();
    const batcher = new QuestionBatcher(String, query, 10);
    const first = batcher.ask('a');
    await turn();
    const second = batcher.ask('a');
    await turn();
    expect(queries).toHaveLength(1);
    queries[0]!.end(['old']);
    await expect(first).resolves.toBe('old');
    await turn();
    queries[1]!.end(['new']);
    await expect(second).resolves.toBe('new');
  });

  test('no query has more questions than it may', async () => {
    const { queries, query } = gated();
    const batcher = new QuestionBatcher(String, query, 2);
    const asked = Promise.all(['a', 'b', 'c', 'd', 'e'].map((question) => batcher.ask(question)));
    for (let at = 0; at < 3; at++) {
      await turn();
      queries[at]!.end(answersOf(queries[at]!.questions));
      await turn();
    }
    expect(queries.map(({ questions }) => questions.length)).toEqual([2, 2, 1]);
    await expect(asked).resolves.toEqual(['a!', 'b!', 'c!', 'd!', 'e!']);
  });

  test('a query that fails fails those who waited for it, and the next is sent', async () => {
    const { queries, query } = gated();
    const batcher = new QuestionBatcher(String, query, 10);
    const first = batcher.ask('a');
    await turn();
    const second = batcher.ask('b');
    queries[0]!.fail(new Error('away'));
    await expect(first).rejects.toThrow('away');
    await turn();
    queries[1]!.end(['B']);
    await expect(second).resolves.toBe('B');
  });
});
