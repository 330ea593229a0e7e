import * as fc from 'fast-check';
import { quoteText } from './quote-text';

describe('quoting foreign text', () => {
  it.each([
    ['plain', '"plain"'],
    ['say "hi" \\', '"say \\"hi\\" \\\\"'],
    ['forged\r\nline', '"forged\\u000d\\u000aline"'],
    ['\u001b[31mred', '"\\u001b[31mred"'],
    ['\u202egnp.exe', '"\\u202egnp.exe"'],
  ])('spells %j as %s', (text, quoted) => {
    expect(quoteText(text)).toBe(quoted);
  });

  it('gives one short line of printable ASCII, whatever the text', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        expect(quoteText(text)).toMatch(/^"[\x20-\x7e]{0,800}"$/);
      }),
    ));
});
