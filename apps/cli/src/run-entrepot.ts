import { CommanderError } from 'commander';
import { EXIT, Fault } from './fault';
import { buildProgram } from './program';
import { hasColor, type Terminal } from './terminal';

/** Runs what was typed, and gives the exit code. Whatever goes wrong is said on the standard error alone. */
export async function runEntrepot(words: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const program = buildProgram(terminal);
    if (words.length === 0) {
      program.outputHelp({ error: true });
      return EXIT.usage;
    }
    await program.parseAsync(words, { from: 'user' });
    return EXIT.well;
  } catch (error) {
    return said(error, terminal);
  }
}

function said(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.well : EXIT.usage;
  if (terminal.interrupted.aborted && !(error instanceof Fault && error.exit === EXIT.interrupted))
    return EXIT.interrupted;
  if (!(error instanceof Fault)) {
    terminal.err(`a fault of this command: ${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT.failed;
  }
  if (error.message !== '') terminal.err(`${prefix(error, terminal)}${error.message}\n`);
  return error.exit;
}

function prefix({ exit }: Fault, terminal: Terminal): string {
  if (exit === EXIT.interrupted) return '';
  return hasColor(terminal, terminal.isErrTerminal) ? '\x1b[31merror:\x1b[39m ' : 'error: ';
}
