import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceFiles } from './source-files.mjs';

// Written in pieces, so that this file keeps its own rules.
const FOREIGN = [
  [new RegExp(`/${'work'}/|/${'farm'}/|/home/[a-z]`), "a path of somebody's machine"],
  [new RegExp(`\\b(${'issue'}|${'session'}) #?[0-9]+\\b`, 'i'), 'a ticket or a working session; say the reason itself'],
  [
    new RegExp(`\\b(${'TO'}DO|${'FIX'}ME|${'XX'}X)\\b`),
    'work left for later: do it, or say in the docs that it is missing',
  ],
  [new RegExp(`\\bforward${'Ref'}\\b`), 'two modules that need each other: split by noun instead'],
  [new RegExp(`@ts-${'ignore'}|@ts-${'nocheck'}`), 'a type error that is hidden'],
  [
    new RegExp(`\\b(it|test|describe)\\.(${'skip'}|${'only'}|${'todo'}|${'failing'})\\b|\\bx(it|describe)\\(`),
    'a test set aside',
  ],
];

const TEXT = /\.(ts|mjs|cjs|js|json|md|yml|yaml|sh|conf|html|css)$|(^|\/)(run|Dockerfile)$/;

/** Words that do not belong to the project, wherever they stand. */
export async function checkWords(root) {
  const files = sourceFiles(root).filter((file) => TEXT.test(file) && !file.endsWith('package-lock.json'));
  return files.flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        FOREIGN.filter(([word]) => word.test(line)).map(([, why]) => `${file}:${index + 1}: ${why}: ${line.trim()}`),
      ),
  );
}
