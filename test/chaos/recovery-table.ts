import type { Recovery } from './supervisor';

const seconds = (ms: number) => (ms / 1000).toFixed(1);

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const HEAD = ['what happened', 'times', 'lasted, s', 'reads again, s', 'worst', 'works again, s', 'worst'];

/** How long each death was noticed, seconds since the kill: medians and worst, as lines of a table. */
export function recoveryTable(recoveries: readonly Recovery[]): string[] {
  const all = [...new Set(recoveries.map(({ what }) => what))].sort();
  const rows = [...all, 'all'].map((what) => {
    const of = recoveries.filter((each) => what === 'all' || each.what === what);
    const column = (what: 'lastsMs' | 'readsMs' | 'worksMs') => of.map((each) => each[what]);
    const both = (what: 'readsMs' | 'worksMs') => [median(column(what)), Math.max(...column(what))].map(seconds);
    return [what, String(of.length), seconds(median(column('lastsMs'))), ...both('readsMs'), ...both('worksMs')];
  });
  const widths = HEAD.map((head, at) => Math.max(head.length, ...rows.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(HEAD), rule, ...rows.map(line)];
}
