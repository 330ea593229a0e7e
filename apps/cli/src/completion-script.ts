export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * A shell's own words for it: each asks the command itself what may come (`__complete`: a line for each candidate, what
 * it does after a tab), so that no list of commands is kept anywhere else.
 */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

const BASH = `# entrepot completion bash > ~/.local/share/bash-completion/completions/entrepot
_entrepot() {
  local word
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    COMPREPLY+=("$word")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  # Readline takes "=" for the beginning of another word.
  if [[ "\${COMP_WORDS[COMP_CWORD]}" == --*=* ]]; then COMPREPLY=("\${COMPREPLY[@]#*=}"); fi
}
complete -o bashdefault -o default -F _entrepot entrepot
`;

const ZSH = `#compdef entrepot
# entrepot completion zsh > "\${fpath[1]}/_entrepot"
_entrepot() {
  local -a candidates
  local word what
  while IFS=$'\\t' read -r word what; do
    candidates+=("\${word//:/\\\\:}\${what:+:$what}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then
    _describe entrepot candidates
  else
    _files
  fi
}
if [ "$funcstack[1]" = "_entrepot" ]; then
  _entrepot "$@"
else
  compdef _entrepot entrepot
fi
`;

const FISH = `# entrepot completion fish > ~/.config/fish/completions/entrepot.fish
function __entrepot_complete
  set -l words (commandline -opc) (commandline -ct)
  command $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c entrepot -f -a '(__entrepot_complete)'
`;

const POWERSHELL = `# entrepot completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName entrepot -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $command = $commandAst.CommandElements[0].ToString()
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($wordToComplete -eq '') { $words += '' }
  & $command __complete '--' @words 2>$null | ForEach-Object {
    $word, $what = $_ -split "\`t", 2
    if (-not $what) { $what = $word }
    [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $what)
  }
}
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL };
