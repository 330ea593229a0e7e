import { Document, Scalar, visit } from 'yaml';
import { type Column, formatTable } from './format-table';
import { plain } from './plain';
import { hasColor, type Terminal } from './terminal';

export const OUTPUTS = ['table', 'json', 'yaml', 'name'] as const;
export type Output = (typeof OUTPUTS)[number];

/** How one kind of thing is shown. `names`: what can be pasted into another command, a line each. */
export interface Face<Row> {
  table(rows: readonly Row[]): string;
  names(row: Row): readonly string[];
}

export function tableOf<Row>(columns: readonly Column<Row>[], names: (row: Row) => readonly string[]): Face<Row> {
  return { table: (rows) => formatTable(columns, rows), names };
}

/** A list, as it was asked for. JSON and YAML have all that the server answered, sizes in bytes. */
export function showList<Row>(terminal: Terminal, output: Output, face: Face<Row>, rows: readonly Row[]): void {
  if (output === 'table') terminal.out(bolden(terminal, face.table(rows)));
  else if (output === 'name') terminal.out(rows.flatMap((row) => face.names(row).map(line)).join(''));
  else terminal.out(written(output, rows));
}

/** One thing, as it was asked for. */
export function showOne<Row>(terminal: Terminal, output: Output, face: Face<Row>, row: Row): void {
  if (output === 'table') terminal.out(face.table([row]));
  else if (output === 'name') terminal.out(face.names(row).map(line).join(''));
  else terminal.out(written(output, row));
}

const line = (text: string) => `${plain(text)}\n`;

export function written(output: 'json' | 'yaml', value: unknown): string {
  return output === 'json' ? `${quietJson(JSON.stringify(value, null, 2))}\n` : quietYaml(value);
}

const LOUD = /[\u007f-\u009f]/;

/** JSON leaves DEL and the second control characters as they are; a terminal obeys them. */
export function quietJson(json: string): string {
  return json.replace(new RegExp(LOUD, 'g'), (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}

/** YAML too; it has escapes in quotes alone. */
export function quietYaml(value: unknown): string {
  const document = new Document(value);
  visit(document, {
    Scalar: (_, scalar) => {
      if (typeof scalar.value === 'string' && LOUD.test(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document
    .toString({ lineWidth: 0 })
    .replace(new RegExp(LOUD, 'g'), (character) => `\\x${character.charCodeAt(0).toString(16)}`);
}

function bolden(terminal: Terminal, table: string): string {
  if (!hasColor(terminal, terminal.isOutTerminal)) return table;
  return table.replace(/^.*$/m, (head) => `\x1b[1m${head}\x1b[22m`);
}
