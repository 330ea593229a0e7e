import type { DeadLetter, ReadDeadLetter } from '#contracts/calls/dead-letters';
import type { AnswerOf } from '#contracts/define-call';

/** One line of the list: id, time, subject, size, reason. */
export function deadLetterRow({ sequence, diedAt, subject, size, reason }: DeadLetter): string {
  return [sequence, diedAt, printable(subject), bytes(size), reason].join('  ');
}

/** All of one, the payload last: as text where it is text, else in base64. Nothing in it can steer a terminal. */
export function deadLetterText(letter: AnswerOf<typeof ReadDeadLetter>): string[] {
  const { payload, form } = readable(letter.bytes);
  const rows: [name: string, value: string][] = [
    ['id', String(letter.sequence)],
    ['time', letter.diedAt],
    ['subject', printable(letter.subject)],
    ['stream', letter.stream],
    ['reason', letter.reason],
    ['deliveries', String(letter.deliveries)],
    ['message id', printable(letter.messageId ?? 'none')],
    ['headers', printable(JSON.stringify(letter.headers))],
    ['size', `${bytes(letter.size)}${letter.cut ? `, of which ${bytes(letter.bytes.length)} are kept` : ''}`],
    ['payload', letter.bytes.length === 0 ? 'empty' : form],
  ];
  return [...rows.map(([name, value]) => `${`${name}:`.padEnd(12)}${value}`), ...(payload ? [payload] : [])];
}

const bytes = (count: number) => `${count} ${count === 1 ? 'byte' : 'bytes'}`;

function readable(payload: Uint8Array): { payload: string; form: string } {
  try {
    return { payload: printableLines(new TextDecoder('utf-8', { fatal: true }).decode(payload)), form: 'text' };
  } catch {
    return { payload: Buffer.from(payload).toString('base64'), form: 'no text; in base64' };
  }
}

/** In its own line, whatever is in it. */
const printable = (text: string) => text.replace(/\p{C}/gu, escapeCharacter);

/** Lines and tabs stay. */
const printableLines = (text: string) => text.replace(/[^\P{C}\n\t]/gu, escapeCharacter);

function escapeCharacter(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
