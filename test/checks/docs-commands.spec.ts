import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DescribedCommand, describeCommand } from '#apps/cli/src/describe-command';
import { buildProgram } from '#apps/cli/src/program';
import { HOUSE } from './planted-tree';

const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  ...readdirSync(join(HOUSE, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

const ROOT = describeCommand(buildProgram({ out() {}, err() {} } as never));

/** What stands in code: `entrepot …` within a sentence, or on a line of its own in a block. */
function typed(page: string): string[] {
  const text = readFileSync(join(HOUSE, page), 'utf8').replace(/\\\n\s*/g, '');
  const inSentences = [...text.matchAll(/`(entrepot [a-z][^`\n]*)`/g)].map(([, words = '']) => words);
  const blocks = [...text.matchAll(/^ *```sh[^\n]*\n([\s\S]*?)^ *```/gm)].map(([, block = '']) => block);
  const onLines = blocks.flatMap((block) => [...block.matchAll(/(?:^|\$\()\s*(entrepot [a-z][^\n]*)/gm)]);
  return [...inSentences, ...onLines.map(([, words = '']) => words)];
}

/** What there is not of it, or undefined. */
function unknownIn(line: string): string | undefined {
  let command: DescribedCommand = ROOT;
  const [words = ''] = line.split(/\s+[|>&#]|;|"?\$\(/);
  for (const word of words.split(/\s+/).slice(1)) {
    const next = command.commands.find(({ name }) => name === `${command.name} ${word}`);
    if (next) command = next;
    else if (command.commands.length > 0) return word;
    else if (/^--[a-z]/.test(word) && !flagsOf(command).has(word.replace(/=.*/, ''))) return word;
  }
  return undefined;
}

const flagsOf = (command: DescribedCommand): Set<string> =>
  new Set([...ROOT.options, ...command.options].flatMap(({ flags }) => flags.match(/--[a-z-]+/g) ?? []));

it('pages name commands and options that there are', () => {
  const wrong = PAGES.flatMap((page) =>
    typed(page)
      .map((line) => ({ page, line, unknown: unknownIn(line) }))
      .filter(({ unknown }) => unknown !== undefined),
  );
  expect(wrong).toEqual([]);
});
