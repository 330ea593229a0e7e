import { createInterface } from 'node:readline/promises';
import { runEntrepot } from './run-entrepot';
import type { Terminal } from './terminal';

const interruption = new AbortController();

/** The first Ctrl-C ends the waiting, a second one the command. */
process.once('SIGINT', () => {
  interruption.abort();
  process.once('SIGINT', () => process.exit(130));
});

/** As a service manager ends what it started. */
process.once('SIGTERM', () => interruption.abort());

/** Whoever read the output may have gone (`entrepot images | head -1`): nothing more is to be said. */
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    if (output === process.stdout)
      process.stderr.write(`error: what was to be said could not be written: ${error.message}\n`);
    process.exit(1);
  });
}

const terminal: Terminal = {
  env: process.env,
  isOutTerminal: process.stdout.isTTY === true,
  isErrTerminal: process.stderr.isTTY === true,
  get columns() {
    return process.stderr.columns || 80;
  },
  get rows() {
    return process.stderr.rows || 24;
  },
  interrupted: interruption.signal,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  now: () => performance.now(),
  async ask(question) {
    if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await lines.question(question, { signal: interruption.signal });
    } catch (error) {
      // Ctrl-D: an answer that is none.
      if (interruption.signal.aborted) throw error;
      process.stderr.write('\n');
      return '';
    } finally {
      lines.close();
    }
  },
};

void runEntrepot(process.argv.slice(2), terminal).then((code) => {
  process.exitCode = code;
});
