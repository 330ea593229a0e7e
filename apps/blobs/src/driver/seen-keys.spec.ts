import { SeenKeys } from './seen-keys';

describe('keys that were seen in the store', () => {
  let now: number;
  let asked: string[];
  let answers: Map<string, number>;
  let seen: SeenKeys;
  beforeEach(() => {
    now = 0;
    asked = [];
    answers = new Map([['a', 10]]);
    const look = async (key: string) => {
      asked.push(key);
      const bytes = answers.get(key);
      if (bytes === undefined) throw new Error('not there');
      return bytes;
    };
    seen = new SeenKeys(look, () => now);
  });

  test('who asks at once, and soon after, asks the store once', async () => {
    expect(await Promise.all([seen.has('a', 10), seen.has('a', 10)])).toEqual([true, true]);
    now = 9_999;
    expect(await seen.has('a', 10)).toBe(true);
    expect(asked).toEqual(['a']);
  });

  test('what was seen ten seconds ago is looked at again', async () => {
    expect(await seen.has('a', 10)).toBe(true);
    answers.delete('a');
    now = 10_000;
    expect(await seen.has('a', 10)).toBe(false);
  });

  test('what is not there, or less of it, is looked at again at once', async () => {
    expect(await seen.has('b', 1)).toBe(false);
    expect(await seen.has('a', 11)).toBe(false);
    answers.set('b', 1).set('a', 11);
    expect([await seen.has('b', 1), await seen.has('a', 11)]).toEqual([true, true]);
  });
});
