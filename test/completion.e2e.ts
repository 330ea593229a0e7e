import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HOUSE } from '#testing/house';
import { describeWithPeers, peer } from '#testing/peers';
import { runWell } from '#testing/run-program';
import { removeFolder, tempFolder } from '#testing/temp-folder';

/** What is typed before the tabulator key, and what then stands there, or may. */
const TYPED: readonly (readonly [typed: string, ...candidates: string[]])[] = [
  ['entrepot imag', 'images'],
  ['entrepot images --sort cre', 'created'],
  ['entrepot containers ls --state=pa', '--state=paused'],
  ['entrepot -o json containers ls --state run', 'running'],
  ['entrepot inspect x --plat', '--platform'],
  ['entrepot gc pau', 'pause'],
];

/** A shell for each line, and after it a line with what came of each. */
const ZSH = `
  zmodload zsh/zpty
  zpty shell 'TERM=dumb zsh -f -i'
  zpty -w shell "PS1=; PS2=; $1"
  for typed in "\${@[2,-1]}"; do
    zpty -w -n shell "$typed"$'\\t'
    zpty -w shell $'\\C-aprint -r -- typed: \\C-e'
  done
  zpty -w shell 'exit'
  while zpty -r shell line; do print -rn -- "$line"; done`;

const FISH = `
  source (entrepot completion fish | psub)
  for typed in $argv
    echo typed: (complete -C $typed | string split -f 1 \\t)
  end`;

const BASH = `
  source <(entrepot completion bash)
  for typed in "$@"; do
    # As readline divides a line.
    read -ra COMP_WORDS <<< "$typed"; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _entrepot
    echo "typed: \${COMPREPLY[*]}"
  done`;

/** Says what in the text is no PowerShell, line by line. */
const POWERSHELL = `
import sys, tree_sitter, tree_sitter_powershell
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
def faults(node):
    if node.is_error or node.is_missing: print("line", node.start_point[0] + 1)
    for child in node.children: faults(child)
faults(parser.parse(sys.stdin.buffer.read()).root_node)`;

/** A shell completes the command of this build, linked where a person would link it. */
describe('the command completes itself', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await tempFolder('shells');
    await mkdir(join(folder, 'bin'));
    await symlink(join(HOUSE, 'scripts', 'entrepot.mjs'), join(folder, 'bin', 'entrepot'));
  });
  afterAll(() => removeFolder(folder));

  async function typed(shell: string, ...args: string[]): Promise<string[]> {
    const path = [join(folder, 'bin'), dirname(process.execPath), process.env.PATH].join(':');
    const env = { PATH: path, HOME: folder, LANG: 'C.UTF-8' };
    const said = await runWell(shell, [...args, ...TYPED.map(([line]) => line)], { env, withinMs: 30_000 });
    return [...said.matchAll(/^typed: (.*?)\r?$/gm)].map(([, line = '']) => line.trimEnd());
  }
  /** What stands in the line then. */
  const completed = TYPED.map(([line, word]) => line.replace(/\S+$/, word!));
  const offered = TYPED.map(([, ...candidates]) => candidates.join(' '));

  it('in bash', async () => {
    // Its readline has the word after "=" replaced alone.
    const words = offered.map((candidate) => candidate.replace(/^--[a-z]+=/, ''));
    expect(await typed('bash', '-c', BASH, 'bash')).toEqual(words);
  });

  describeWithPeers('in zsh', ['zsh'], () => {
    it.each([
      ['sourced', 'autoload -Uz compinit; compinit -u -D; source <(entrepot completion zsh)'],
      ['from a folder of functions', 'fpath=(~/functions $fpath); autoload -Uz compinit; compinit -u -D'],
    ])('%s', async (_, setUp) => {
      await mkdir(join(folder, 'functions'), { recursive: true });
      const script = await runWell(process.execPath, [join(HOUSE, 'scripts', 'entrepot.mjs'), 'completion', 'zsh']);
      await writeFile(join(folder, 'functions', '_entrepot'), script);
      expect(await typed(peer('zsh'), '-f', '-c', ZSH, 'zsh', setUp)).toEqual(completed);
    });
  });

  describeWithPeers('in fish', ['fish'], () => {
    it('by its own question what completes a line', async () => {
      expect(await typed(peer('fish'), '--no-config', '-c', FISH)).toEqual(offered);
    });
  });

  // Nothing here runs PowerShell: that its script is one is all that is held.
  describeWithPeers('for PowerShell', ['python-with-powershell-grammar'], () => {
    const check = (input: string) => runWell(peer('python-with-powershell-grammar'), ['-c', POWERSHELL], { input });

    it('in words that are PowerShell', async () => {
      const script = await runWell(process.execPath, [
        join(HOUSE, 'scripts', 'entrepot.mjs'),
        'completion',
        'powershell',
      ]);
      expect(await check(script)).toBe('');
      expect(await check(script.replace('{', '('))).toMatch(/^line \d+/);
    });
  });
});
