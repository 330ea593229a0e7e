/**
 * Whoever read our output may have gone (`npm start | head -1`): what is said then is said to nobody, and the program
 * goes on. Anything else that breaks the output is a fault.
 */
export function outliveOutput(): void {
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
