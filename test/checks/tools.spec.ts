import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { HOUSE, PlantedTree } from './planted-tree';

const house = (file: string) => readFileSync(join(HOUSE, file), 'utf8');

describe('format, lint, types and generated pages', () => {
  const tree = new PlantedTree({
    'package.json': house('package.json'),
    'tsconfig.json': house('tsconfig.json').replace('node_modules/.cache/entrepot/tsc.json', 'tsc.json'),
    'biome.json': house('biome.json'),
    '.gitignore': 'node_modules\ntsc.json\npackage.json\ntsconfig.json\nbiome.json\n',
    'libs/oci/src/good.ts': 'export const good: number = 1;\n',
  });
  beforeAll(() => symlinkSync(join(HOUSE, 'node_modules'), join(tree.root, 'node_modules')));
  afterAll(() => tree.remove());

  it('passes a file that is in order', () => {
    expect(tree.check('types')).toMatchObject({ passed: true });
    expect(tree.check('format and lint')).toMatchObject({ passed: true });
    expect(tree.check('docs')).toMatchObject({ passed: true });
  });

  it('names a type that does not fit', () => {
    tree.plant({ 'libs/oci/src/bad.ts': "export const bad: number = 'one';\n" });
    const { passed, output } = tree.check('types');
    expect(passed).toBe(false);
    expect(output).toContain('libs/oci/src/bad.ts(1,14)');
  });

  it('names a file that is not formatted, and an import that nobody uses', () => {
    tree.plant({
      'libs/oci/src/loose.ts': 'export const loose  =  [ 1 ]\n',
      'libs/oci/src/unused.ts': "import { good } from './good';\n\nexport const one = 1;\n",
    });
    const { passed, output } = tree.check('format and lint');
    expect(passed).toBe(false);
    expect(output).toMatch(/loose\.ts format/);
    expect(output).toMatch(/unused\.ts:1:.*noUnusedImports/);
  });

  it('asks the generator whether its pages are current', () => {
    tree.plant({
      'scripts/docs.mjs': "if (process.argv[2] === '--check') { console.log('docs/x.md is stale'); process.exit(1); }",
    });
    const { passed, output } = tree.check('docs');
    expect(passed).toBe(false);
    expect(output).toContain('docs/x.md is stale');
  });
});
