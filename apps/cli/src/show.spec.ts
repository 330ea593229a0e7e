import { parse } from 'yaml';
import { written } from './show';

test.each(['json', 'yaml'] as const)('no text in %s steers a terminal, and all of it comes back', (output) => {
  const texts = ['a\u009b31m', 'b\u001b[31m', 'c\nd\u007f', 'e\u0085', '\u0090x\n', 'plain', 'f\n\u009dg\n'];
  const value = { list: texts, 'key\u009b': { of: 'one' } };
  const text = written(output, value);
  expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(parse(text)).toEqual(value);
});
