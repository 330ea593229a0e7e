import { formatFields, formatTable } from './format-table';

describe('tables', () => {
  const columns = [
    { title: 'NAME', text: (row: string[]) => row[0] ?? '' },
    { title: 'SIZE', right: true, text: (row: string[]) => row[1] ?? '' },
    { title: 'WHAT', text: (row: string[]) => row[2] ?? '' },
  ];

  it('have columns as wide as their widest cell, and nothing at the end of a line', () => {
    const rows = [
      ['a', '12', 'one'],
      ['größer', '3', ''],
    ];
    expect(formatTable(columns, rows)).toBe('NAME    SIZE  WHAT\na         12  one\ngrößer     3\n');
  });

  it('without rows are their head alone', () => expect(formatTable(columns, [])).toBe('NAME  SIZE  WHAT\n'));

  it('a row is one line, and steers no terminal, whatever others have called things', () => {
    const text = formatTable(columns, [['a\x1b[2J', '1', 'x\ny\u202e']]);
    expect(text).toBe('NAME        SIZE  WHAT\na\\u001b[2J     1  x y\\u202e\n');
  });

  it('fields stand below each other; what is empty is left out', () => {
    const fields = formatFields([
      ['Name', 'a'],
      ['Nothing', ''],
      ['None', []],
      ['Several', ['b', 'c\nd']],
    ]);
    expect(fields).toBe('Name:     a\nSeveral:  b\n          c d\n');
  });
});
