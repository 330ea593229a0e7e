import { readFileSync } from 'node:fs';
import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithPeers, peer } from '#testing/peers';
import { runProgram, runWell } from '#testing/run-program';
import { removeFolder, tempFolder } from '#testing/temp-folder';

const MODEL = join(__dirname, 'object-life.pml');
const HOUSE = join(__dirname, '..', '..');
const TEXT = readFileSync(MODEL, 'utf8');
const MUTANTS = [...new Set(TEXT.match(/\bMUTANT_[A-Z_]+[A-Z]\b/g))].sort();
const FUNCTIONS = [
  ...new Set([...TEXT.matchAll(/does: (\w+)\.(\w+)/g)].map(([, type, method]) => `${type}.${method}`)),
];

/** Verifies the model with a mistake in it, or without one; gives the verifier's report. */
async function verify(mutant?: string): Promise<string> {
  const folder = await tempFolder('model');
  try {
    await copyFile(MODEL, join(folder, 'model.pml'));
    await runWell(peer('spin'), [...(mutant ? [`-D${mutant}`] : []), '-a', 'model.pml'], { cwd: folder });
    await runWell('gcc', ['-O2', '-w', '-DSAFETY', '-DCOLLAPSE', '-DMEMLIM=4000', '-o', 'pan', 'pan.c'], {
      cwd: folder,
    });
    const { stdout } = await runProgram(join(folder, 'pan'), ['-m200000', '-E'], { cwd: folder, withinMs: 280_000 });
    return stdout;
  } finally {
    await removeFolder(folder);
  }
}

describeWithPeers('the model of the life of an object', ['spin'], () => {
  test('holds the promises in every state there is', async () => {
    const report = await verify();
    expect(report).toMatch(/errors: 0/);
    expect(report).not.toMatch(/max search depth too small|out of memory/i);
  }, 300_000);

  test('has at least eight mutants', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(8);
  });

  test.each(MUTANTS)('finds %s', async (mutant) => {
    expect(await verify(mutant)).toMatch(/assertion violated/);
  });

  test('each step names a function that exists', async () => {
    const sources = await sourcesBelow(join(HOUSE, 'apps'));
    const missing = FUNCTIONS.filter((name) => !sources.some((text) => declares(text, name)));
    expect(missing).toEqual([]);
    expect(FUNCTIONS.length).toBeGreaterThan(8);
  });
});

function declares(source: string, name: string): boolean {
  const [type, method] = name.split('.') as [string, string];
  return (
    new RegExp(`class ${type}\\b`).test(source) &&
    new RegExp(`^  (?:override )?(?:async )?${method}[(<]`, 'm').test(source)
  );
}

async function sourcesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries
    .filter((entry) => entry.endsWith('.ts') && !entry.endsWith('.spec.ts'))
    .map((entry) => readFileSync(join(folder, entry), 'utf8'));
}
