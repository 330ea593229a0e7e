import { quoteText } from './quote-text';

/** No document of ours comes near it; one that does was made to exhaust a parser. */
const DEEPEST = 100;

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/**
 * JSON.parse, but a key that an object has twice, and a document nested deeper than `maxDepth` lists and objects, are refused.
 * Parsers differ on which of two keys counts, so such a document means different things to different readers.
 * Throws SyntaxError, naming the key and its path.
 */
export function parseStrictJson(text: string, { maxDepth = DEEPEST }: { maxDepth?: number } = {}): unknown {
  refuseTooDeep(text, maxDepth);
  const value = parse(text);
  refuseDuplicates(text);
  return value;
}

/** The engine's own messages quote the text, which may hold a secret. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const said = error instanceof Error ? error.message : '';
    const offset = /at position (\d+)/.exec(said)?.[1];
    const token = /^Unexpected token '(.)'/su.exec(said)?.[1];
    if (offset !== undefined) throw new SyntaxError(`not JSON: a fault at offset ${offset}`);
    if (token !== undefined) throw new SyntaxError(`not JSON: an unexpected ${quoteText(token)}`);
    throw new SyntaxError(/end of JSON/.test(said) ? 'not JSON: it ends too early' : 'not JSON');
  }
}

/** Before JSON.parse, so that depth costs nothing. Right for every text up to its first syntax error, which JSON.parse then reports. */
function refuseTooDeep(text: string, maxDepth: number): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      if (++depth > maxDepth) throw new SyntaxError(`JSON is nested deeper than ${maxDepth} levels at offset ${at}`);
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth--;
  }
}

interface Frame {
  /** The keys so far; undefined for a list. */
  keys: Set<string> | undefined;
  /** Where in it we are: the last key, or the index. */
  at: string | number;
}

/** `text` is known to be JSON here, so a string that a colon follows is a key and nothing else. */
function refuseDuplicates(text: string): void {
  const frames: Frame[] = [];
  let frame: Frame | undefined;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (frame?.keys && isKey(text, end)) enterKey(frames, frame.keys, keyBetween(text, at, end));
      at = end;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      frame = code === OPEN_OBJECT ? { keys: new Set(), at: '' } : { keys: undefined, at: 0 };
      frames.push(frame);
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      frames.pop();
      frame = frames.at(-1);
    } else if (code === COMMA && typeof frame?.at === 'number') frame.at++;
  }
}

function enterKey(frames: readonly Frame[], keys: Set<string>, key: string): void {
  const frame = frames[frames.length - 1]!;
  frame.at = key;
  if (keys.has(key)) throw new SyntaxError(`JSON has the key ${quoteText(key)} twice at ${quoteText(pathOf(frames))}`);
  keys.add(key);
}

function pathOf(frames: readonly Frame[]): string {
  return frames
    .map(({ at }) => (typeof at === 'number' ? `[${at}]` : `.${at}`))
    .join('')
    .replace(/^\./, '');
}

/** The offset of the quote that closes the string opened at `start`; the text's end where none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}

function isKey(text: string, end: number): boolean {
  let next = end + 1;
  while (text.charCodeAt(next) <= 32) next++;
  return text.charCodeAt(next) === COLON;
}

/** Keys are compared as what they mean: an escape spells the same key. */
function keyBetween(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  return raw.includes('\\') ? (JSON.parse(text.slice(start, end + 1)) as string) : raw;
}
