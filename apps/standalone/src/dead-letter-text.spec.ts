import { deadLetterRow, deadLetterText } from './dead-letter-text';

const letter = {
  sequence: 7,
  subject: 'entrepot.request.pull',
  stream: 'ENTREPOT_REQUESTS',
  reason: 'the body is empty',
  deliveries: 1,
  diedAt: '2026-01-02T03:04:05.006Z',
  messageId: null,
  size: 0,
  cut: false,
};
const whole = (payload: string | Uint8Array) => ({ ...letter, headers: {}, bytes: Buffer.from(payload) });

describe('a dead letter as a person reads it', () => {
  it('is a line of the list: id, time, subject, size with its unit, reason', () => {
    expect(deadLetterRow(letter)).toBe(
      '7  2026-01-02T03:04:05.006Z  entrepot.request.pull  0 bytes  the body is empty',
    );
    expect(deadLetterRow({ ...letter, size: 1 })).toContain('  1 byte  ');
  });

  it('shows text as text, other bytes in base64, and says when there are none', () => {
    expect(deadLetterText(whole('{"reference":\n1}')).slice(-2)).toEqual(['payload:    text', '{"reference":\n1}']);
    expect(deadLetterText(whole(Uint8Array.of(0xff, 0xfe))).slice(-2)).toEqual([
      'payload:    no text; in base64',
      '//4=',
    ]);
    expect(deadLetterText(whole('')).at(-1)).toBe('payload:    empty');
  });

  it('cannot steer a terminal', () => {
    const text = deadLetterText({ ...whole('\x1b[2J\r\u202e'), subject: 'a\x1b[0m', messageId: 'x\nsize: 1' }).join(
      '\n',
    );
    expect(text.replaceAll('\n', '')).toMatch(/^\P{C}*$/u);
    expect(text).toContain('x\\u{a}size: 1');
    expect(text).toContain('\\u{1b}[2J\\u{d}\\u{202e}');
  });

  it('says how much of a cut payload is kept', () => {
    const cut = deadLetterText({ ...whole('abc'), size: 900, cut: true }).find((line) => line.startsWith('size:'));
    expect(cut).toBe('size:       900 bytes, of which 3 bytes are kept');
  });
});
