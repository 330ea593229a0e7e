import { plain } from './plain';

export interface Column<Row> {
  readonly title: string;
  readonly right?: boolean;
  text(row: Row): string;
}

/** Columns as wide as their widest cell, two spaces between, none at the end of a line. One line a row. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map(({ text }) => plain(text(row)).replaceAll('\n', ' ')));
  const lines = [columns.map(({ title }) => title), ...cells];
  const widths = columns.map((_, at) => lines.reduce((widest, line) => Math.max(widest, widthOf(line[at] ?? '')), 0));
  return lines.map((line) => `${joined(line, widths, columns)}\n`).join('');
}

function joined<Row>(line: readonly string[], widths: readonly number[], columns: readonly Column<Row>[]): string {
  const padded = line.map((cell, at) => {
    const gap = ' '.repeat((widths[at] ?? 0) - widthOf(cell));
    return columns[at]?.right ? gap + cell : cell + gap;
  });
  return padded.join('  ').trimEnd();
}

const widthOf = (text: string) => [...text].length;

/** A thing's fields, a line each; what is empty is left out, and each of several lines stands below the first. */
export function formatFields(fields: readonly (readonly [title: string, value: string | readonly string[]])[]): string {
  const said = fields.filter(([, value]) => value.length > 0);
  const width = said.reduce((widest, [title]) => Math.max(widest, title.length), 0) + 3;
  return said
    .map(([title, value]) => {
      const lines = (typeof value === 'string' ? [value] : value).map((line) => plain(line).replaceAll('\n', ' '));
      return `${`${title}:`.padEnd(width)}${lines.join(`\n${' '.repeat(width)}`)}\n`;
    })
    .join('');
}
