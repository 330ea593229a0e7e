import { readExpected } from './read-expected';

const digest = `sha256:${'a'.repeat(64)}`;
const other = `sha256:${'b'.repeat(64)}`;
const many = Array.from({ length: 17 }, () => digest).join();

test.each([
  [{}, undefined],
  [{ 'if-match': `"${digest}"` }, digest],
  [{ 'if-match': digest }, digest],
  [{ 'if-none-match': '*' }, 'none'],
  [{ 'if-none-match': ' * ' }, 'none'],
  [{ 'if-match': '*' }, 'any'],
  [{ 'if-match': `"${digest}", "${other}"` }, [digest, other]],
  [{ 'if-match': `${digest},${other}` }, [digest, other]],
  [{ 'if-none-match': `"${digest}"` }, { not: [digest] }],
  [{ 'if-none-match': `W/"${digest}" , "${other}"` }, { not: [digest, other] }],
])('%j expects %j', (headers, expected) => {
  expect(readExpected(headers)).toEqual(expected);
});

test.each([
  [{ 'if-match': `*, "${digest}"` }, 'if-match'],
  [{ 'if-match': '' }, 'if-match'],
  [{ 'if-match': `W/"${digest}"` }, 'if-match'],
  [{ 'if-match': `"${digest}", ` }, 'if-match'],
  [{ 'if-match': many }, 'if-match'],
  [{ 'if-match': '"sha256:abc"' }, 'if-match'],
  [{ 'if-match': `"${digest.toUpperCase()}"` }, 'if-match'],
  [{ 'if-none-match': `"${digest}", *` }, 'if-none-match'],
  [{ 'if-none-match': '' }, 'if-none-match'],
  [{ 'if-none-match': '*', 'if-match': digest }, 'if-none-match'],
])('%j cannot be held to, and %s is named', (headers, field) => {
  expect(() => readExpected(headers)).toThrow(
    expect.objectContaining({ code: 'INVALID', detail: expect.objectContaining({ field }) }),
  );
});
