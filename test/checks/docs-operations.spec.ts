import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOUSE } from './planted-tree';

const PAGE = readFileSync(join(HOUSE, 'docs', 'operations.md'), 'utf8');

/** The words of the first column, without what differs from one time to the next. */
function quoted(page: string): string[][] {
  const cells = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, words = '']) => words);
  return cells.map((words) =>
    words
      .split('…')
      .map((piece) => piece.trim())
      .filter((piece) => piece !== ''),
  );
}

const sources = ['apps', 'libs'].flatMap((folder) =>
  readdirSync(join(HOUSE, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/\.(spec|testing|suite)\.ts$|^testing\//.test(file))
    // Where a text goes on in the next line of the source, it is one text.
    .map((file) => readFileSync(join(HOUSE, folder, file), 'utf8').replace(/['`] \+\s+['`]/g, '')),
);

const stands = (text: string) => sources.some((source) => source.includes(text));

/** Also where a name is put into a text at the one end or the other. */
function isSaid(words: string): boolean {
  const splits = [...words.matchAll(/ /g)].map(({ index }) => [words.slice(0, index), words.slice(index + 1)] as const);
  return (
    stands(words) ||
    splits.some(([head, tail]) => stands(`'${head}'`) && stands(`} ${tail}`)) ||
    splits.some(([head, tail]) => stands(`${head} \${`) && stands(`'${tail}'`))
  );
}

describe('the page for operators', () => {
  it.each(quoted(PAGE))('quotes what is said: %s', (...pieces) => {
    expect(pieces.filter((piece) => !isSaid(piece))).toEqual([]);
  });
});
