import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const HOUSE = join(__dirname, '..', '..');

/** A source tree of its own, with what a test plants in it. */
export class PlantedTree {
  readonly root = mkdtempSync(join(tmpdir(), 'entrepot-check-'));

  constructor(files: Readonly<Record<string, string>>) {
    this.plant(files);
  }

  plant(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), text);
    }
  }

  /** Runs one step of `npm run check` over the tree. */
  check(step: string): { passed: boolean; output: string } {
    const script = join(HOUSE, 'scripts', 'check.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--root', this.root, step], {
      encoding: 'utf8',
    });
    return { passed: status === 0, output: stdout + stderr };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
