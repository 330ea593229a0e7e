const LONGEST_QUOTE = 120;

/** `escapeText` in quotes. */
export function quoteText(text: string): string {
  return `"${escapeText(text)}"`;
}

/**
 * Spells foreign text so that it may stand in an error, a log or a terminal: cut to 120 characters, and with quotes and
 * everything but printable ASCII escaped, since control and bidirectional characters forge log lines and mislead readers.
 */
export function escapeText(text: string): string {
  const cut = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}...` : text;
  return cut.replace(/[^\x20-\x7e]|["\\]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
