export const GENERATED =
  '<!-- Written by `npm run docs` from the sources, and held to them by `npm run check`: change those instead. -->';

/** A table; a bar in a cell is escaped, a line break becomes a space. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

function cell(text) {
  return String(text)
    .replaceAll('|', '\\|')
    .replace(/\s*\n\s*/g, ' ');
}

export const code = (text) => `\`${text}\``;

export function json(value) {
  return ['```json', JSON.stringify(value, null, 2), '```'].join('\n');
}

/** Parts of a page, in lists of any depth, an empty line between each. */
export function page(...parts) {
  return `${parts.flat(Number.POSITIVE_INFINITY).join('\n\n')}\n`;
}
