import { SharedQuestions, whileWanted } from './shared-questions';

/** Questions that are answered when the test says so. */
class Upstream {
  readonly asked: { answer: (text: string) => void; fail: (error: Error) => void }[] = [];
  readonly ask = () => new Promise<string>((answer, fail) => this.asked.push({ answer, fail }));
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

let upstream: Upstream;
let questions: SharedQuestions<string>;
beforeEach(() => {
  upstream = new Upstream();
  questions = new SharedQuestions();
});

it('nobody who asks anew learns what was so before it asked, and all who ask meanwhile share one question', async () => {
  const first = questions.askAnew('tag', upstream.ask);
  const later = [1, 2, 3].map(() => questions.askAnew('tag', upstream.ask));
  await turn();
  expect(upstream.asked).toHaveLength(1);
  upstream.asked[0]!.answer('old');
  expect(await first).toBe('old');
  await turn();
  expect(upstream.asked).toHaveLength(2);
  const latest = questions.askAnew('tag', upstream.ask);
  upstream.asked[1]!.answer('new');
  expect(await Promise.all(later)).toEqual(['new', 'new', 'new']);
  await turn();
  expect(upstream.asked).toHaveLength(3);
  upstream.asked[2]!.answer('newest');
  expect(await latest).toBe('newest');
});

it('who may learn of what was so joins the question under way', async () => {
  const both = [questions.askAnew('tag', upstream.ask), questions.join('tag', upstream.ask)];
  upstream.asked[0]!.answer('old');
  expect(await Promise.all(both)).toEqual(['old', 'old']);
  expect(upstream.asked).toHaveLength(1);
});

it('never two questions of one key at once, also where one asks between an answer and the next question', async () => {
  let between: Promise<string> | undefined;
  const first = questions.askAnew('tag', upstream.ask);
  const watched = first.then(() => {
    between = questions.join('tag', upstream.ask);
  });
  const second = questions.askAnew('tag', upstream.ask);
  upstream.asked[0]!.answer('old');
  await watched;
  await turn();
  expect(upstream.asked).toHaveLength(2);
  upstream.asked[1]!.answer('new');
  expect(await Promise.all([second, between])).toEqual(['new', 'new']);
});

it('a failure is for those who shared it: the next question is sent', async () => {
  const first = questions.askAnew('tag', upstream.ask);
  const second = questions.askAnew('tag', upstream.ask);
  upstream.asked[0]!.fail(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await turn();
  upstream.asked[1]!.answer('new');
  expect(await second).toBe('new');
});

it('one key waits for no other', () => {
  void questions.askAnew('one', upstream.ask);
  void questions.askAnew('other', upstream.ask);
  expect(upstream.asked).toHaveLength(2);
});

it('whoever stops waiting stops nobody else’s question', async () => {
  const stop = new AbortController();
  const answer = questions.askAnew('tag', upstream.ask);
  const given = whileWanted(answer, stop.signal);
  stop.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  await expect(whileWanted(answer, stop.signal)).rejects.toThrow('enough');
  upstream.asked[0]!.answer('new');
  expect(await whileWanted(answer, new AbortController().signal)).toBe('new');
});
