import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUSE } from './planted-tree';

const folder = mkdtempSync(join(tmpdir(), 'entrepot-docs-'));

function docs(...args: string[]): { passed: boolean; output: string } {
  const script = join(HOUSE, 'scripts', 'docs.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--folder', folder, ...args], {
    encoding: 'utf8',
  });
  return { passed: status === 0, output: stdout + stderr };
}

describe('generated pages', () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('that are missing are named, and writing them mends it', () => {
    expect(docs('--check')).toMatchObject({ passed: false, output: expect.stringContaining('calls.md is stale') });
    expect(docs()).toMatchObject({ passed: true, output: expect.stringContaining('wrote ') });
    expect(docs('--check')).toEqual({ passed: true, output: '' });
    expect(readdirSync(folder).length).toBeGreaterThan(4);
  });

  it('that were changed by hand are named, and nothing is written by a check', () => {
    appendFileSync(join(folder, 'errors.md'), 'by hand\n');
    const stale = { passed: false, output: 'docs/reference/errors.md is stale: npm run docs\n' };
    expect(docs('--check')).toEqual(stale);
    expect(docs('--check')).toEqual(stale);
    docs();
  });

  it('that nothing writes any more are named', () => {
    writeFileSync(join(folder, 'forgotten.md'), '');
    const stranger = { passed: false, output: 'docs/reference/forgotten.md is written by nobody: npm run docs\n' };
    expect(docs('--check')).toEqual(stranger);
    docs();
    expect(docs('--check').passed).toBe(true);
  });
});
