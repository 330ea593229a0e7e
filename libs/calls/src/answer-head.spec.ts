import { parseAnswerHead } from './answer-head';

const head = (...lines: string[]) => lines.join('\r\n');

test('a status, fields by their names in small letters, and a length', () => {
  const parsed = parseAnswerHead(
    head('HTTP/1.1 206 Partial Content', 'Content-Length:  10 ', 'ETag: "a: b"', 'Empty:', 'vary: a', 'Vary: b'),
  );
  expect(parsed).toMatchObject({ status: 206, length: 10, stays: true });
  expect({ ...parsed.headers }).toEqual({ 'content-length': '10', etag: '"a: b"', empty: '', vary: 'a, b' });
});

test('a name that every object has is a field like others', () => {
  const { headers } = parseAnswerHead(head('HTTP/1.1 200 OK', '__proto__: x', 'constructor: y'));
  expect([Object.getPrototypeOf(headers), headers.constructor]).toEqual([null, 'y']);
});

test.each([
  [['HTTP/1.0 200 OK', 'content-length: 1'], { length: 1, stays: false }],
  [['HTTP/1.1 200', 'content-length: 0', 'connection: Close'], { length: 0, stays: false }],
  [['HTTP/1.1 204 No Content'], { length: 0, stays: true }],
  [['HTTP/1.1 200 OK', 'transfer-encoding: chunked'], { length: null }],
  [['HTTP/1.1 200 OK'], { length: null }],
  [['HTTP/1.1 103 Early Hints', 'content-length: 5'], { length: null }],
])('%j', (lines, expected) => {
  expect(parseAnswerHead(head(...lines))).toMatchObject(expected);
});

test.each([
  ['no HTTP', 'SSH-2.0-OpenSSH_9.2'],
  ['another version', 'HTTP/2 200 OK'],
  ['a status of four digits', 'HTTP/1.1 2000 OK'],
  ['something before the version', ' HTTP/1.1 200 OK'],
  ['two equal lengths', head('HTTP/1.1 200 OK', 'content-length: 5', 'content-length: 5')],
  ['two lengths in one', head('HTTP/1.1 200 OK', 'content-length: 5, 5')],
  ['a length with a sign', head('HTTP/1.1 200 OK', 'content-length: +5')],
  ['a length in another base', head('HTTP/1.1 200 OK', 'content-length: 0x5')],
  ['an empty length', head('HTTP/1.1 200 OK', 'content-length:')],
  ['a length that no number holds', head('HTTP/1.1 200 OK', `content-length: ${'9'.repeat(17)}`)],
  ['a length and chunks', head('HTTP/1.1 200 OK', 'content-length: 5', 'transfer-encoding: chunked')],
  ['a blank before the colon', head('HTTP/1.1 200 OK', 'content-length : 5')],
  ['a folded line', head('HTTP/1.1 200 OK', 'content-length: 5', ' 0')],
  ['a line without a colon', head('HTTP/1.1 200 OK', 'content-length')],
  ['an end of line that is only half of one', head('HTTP/1.1 200 OK', 'x: a\ncontent-length: 5')],
  ['a return alone', head('HTTP/1.1 200 OK', 'x: a\rcontent-length: 5')],
  ['a zero byte', head('HTTP/1.1 200 OK', 'x: a\0b')],
])('%s is no head', (_what, text) => {
  expect(() => parseAnswerHead(text)).toThrow();
});
