import { PlantedTree } from './planted-tree';

// Written in pieces, so that this file keeps the rule itself.
const BAD: readonly [file: string, text: string, said: string][] = [
  ['docs/a.md', `see /${'work'}/main/notes`, 'a path of somebody'],
  ['apps/gc/src/a.ts', `// as ${'issue'} 12 asks`, 'a ticket'],
  ['apps/gc/src/b.ts', `// ${'TO'}DO: later`, 'work left for later'],
  ['apps/gc/src/c.ts', `forward${'Ref'}(() => C)`, 'split by noun'],
  ['apps/gc/src/d.ts', `// @ts-${'ignore'}`, 'a type error that is hidden'],
  ['apps/gc/src/e.spec.ts', `it.${'skip'}('x', () => {})`, 'a test set aside'],
  ['test/f.e2e.ts', `describe.${'only'}('x', () => {})`, 'a test set aside'],
];

describe('words that do not belong to the project', () => {
  const tree = new PlantedTree({ 'docs/good.md': 'An upload session has an id; a worker works.' });
  afterAll(() => tree.remove());

  it('passes plain text', () => {
    expect(tree.check('words').passed).toBe(true);
  });

  it.each(BAD)('%s: %s', (file, text, said) => {
    tree.plant({ [file]: text });
    const { passed, output } = tree.check('words');
    expect(passed).toBe(false);
    expect(output.split('\n').find((line) => line.includes(`${file}:1: `))).toContain(said);
  });
});
