import { spawnSync } from 'node:child_process';
import { complete } from './complete';
import { completionScript, SHELLS } from './completion-script';
import { type DescribedCommand, describeCommand } from './describe-command';
import { buildProgram } from './program';
import { ScriptedWarehouse } from './scripted-warehouse.testing';
import { VERSION } from './version';

const program = buildProgram({ out() {}, err() {} } as never);
const words = (...typed: string[]) => complete(program, typed).map(({ word }) => word);
const leaves = (command: DescribedCommand): DescribedCommand[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
const LEAVES = leaves(describeCommand(program));

const GROUPS = describeCommand(program)
  .commands.filter(({ commands }) => commands.length > 0)
  .map(({ name }) => name);

describe('the tree of commands', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterAll(() => warehouse.stop());

  it.each(LEAVES.map(({ name }) => name))('%s explains itself, with examples, and asks nobody', async (name) => {
    const { code, out, err } = await warehouse.run([...name.split(' ').slice(1), '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: ${name}`);
    if (name !== 'entrepot version') expect(out).toContain('Examples:\n  $ ');
    expect(warehouse.asked).toEqual([]);
  });

  it('help is asked for in either way, and its lines fit a terminal', async () => {
    expect(await warehouse.run(['help', 'images'])).toEqual(await warehouse.run(['images', '--help']));
    expect(await warehouse.run(['containers', 'help', 'rm'])).toEqual(
      await warehouse.run(['containers', 'rm', '--help']),
    );
    for (const name of ['', ...GROUPS]) {
      const { out } = await warehouse.run([...name.split(' ').slice(1), '--help']);
      expect(out.split('\n').filter((line) => line.length > 100)).toEqual([]);
    }
  });

  it('each example is of its own command', () => {
    const lines = LEAVES.flatMap(({ name, examples }) => examples.map(([line]) => ({ name, line })));
    for (const { name, line } of lines) expect(line).toContain(name);
  });

  it('says its version', async () => {
    for (const typed of [['version'], ['--version']]) expect((await warehouse.run(typed)).out).toBe(`${VERSION}\n`);
    expect(VERSION).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('a group without a verb is typed wrongly, and says which there are', async () => {
    const { code, out, err } = await warehouse.run(['containers']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('rename');
  });
});

describe('completion', () => {
  it.each([
    [['im'], ['images']],
    [
      ['containers', 're'],
      ['restart', 'rename'],
    ],
    [['containers', 'ls', '--st'], ['--state']],
    [['containers', 'ls', '--state', 'p'], ['paused']],
    [['containers', 'ls', '--state=p'], ['--state=paused']],
    [
      ['images', '--output', ''],
      ['table', 'json', 'yaml', 'name'],
    ],
    [['-o', 'json', 'im'], ['images']],
    [['completion', 'z'], ['zsh']],
    [['images', '--he'], ['--help']],
    [['images', 'docker.io/library/n'], []],
    [['pull', '--', '--a'], []],
    [['nonsense', '--nonsense', '\x1b'], []],
    [['__'], []],
  ])('of %j is %j', (typed, candidates) => expect(words(...typed)).toEqual(candidates));

  it('of nothing is every command, without those of shells', () => {
    expect(words('')).toEqual(expect.arrayContaining(['pull', 'images', 'prune', 'gc']));
    expect(words('').join()).not.toContain('__');
  });

  it.each(SHELLS)('%s gets a script that asks the command', (shell) => {
    expect(completionScript(shell)).toMatch(/ __complete ('--'|--) /);
  });

  it('in bash a candidate of __complete is a word of COMPREPLY, its explanation is not', () => {
    const script = `${completionScript('bash')}
      entrepot() { printf 'images\\tlist what is held\\nimport\\n'; }
      COMP_WORDS=(entrepot im); COMP_CWORD=1; _entrepot; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout).toBe('images\nimport\n');
  });
});
