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

/** Who is in the model, for not all can be at once: uploads, or the switch that chooses others. */
const CASTS = ['UPLOADS', 'COMPOSING', 'TAKING_OVER'];

/** Verifies the model with this cast, and with a mistake in it or without one; gives the verifier's report. */
async function verify(...switches: string[]): Promise<string> {
  const folder = await tempFolder('model');
  try {
    await copyFile(MODEL, join(folder, 'model.pml'));
    await runWell(peer('spin'), [...switches.map((each) => `-D${each}`), '-a', 'model.pml'], { cwd: folder });
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
  test.each(CASTS)(
    'holds the promises in every state there is: %s',
    async (cast) => {
      const report = await verify(cast);
      expect(report).toMatch(/errors: 0/);
      expect(report).not.toMatch(/max search depth too small|out of memory/i);
      const [states, seconds] = [/(\d+) states, stored/, /elapsed time ([\d.]+)/].map((each) => each.exec(report)?.[1]);
      process.stderr.write(`  ${cast}: ${states} states in ${seconds} s\n`);
    },
    300_000,
  );

  test('has at least eight mutants', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(8);
  });

  test.each(MUTANTS)('finds %s', async (mutant) => {
    const cast = mutant.startsWith('MUTANT_COMPOSED_') ? 'COMPOSING' : 'UPLOADS';
    expect(await verify(cast, mutant)).toMatch(/assertion violated/);
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
    new RegExp(`^  (?:(?:private|static|override|async) )*${method}[(<]`, 'm').test(source)
  );
}

async function sourcesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries
    .filter((entry) => entry.endsWith('.ts') && !entry.endsWith('.spec.ts'))
    .map((entry) => readFileSync(join(folder, entry), 'utf8'));
}
