import { EXIT, Fault } from './fault';
import type { Terminal } from './terminal';

interface Refused {
  readonly name: string;
  readonly fault: Fault;
}

/** Does it for each, one after the other; what is refused stops none of the others, but Ctrl-C does. */
export async function eachOf<Done>(
  names: readonly string[],
  work: (name: string) => Promise<Done>,
): Promise<{ done: Done[]; faults: Refused[] }> {
  const done: Done[] = [];
  const faults: Refused[] = [];
  for (const name of names) {
    try {
      done.push(await work(name));
    } catch (error) {
      if (!(error instanceof Fault) || error.exit === EXIT.interrupted) throw error;
      faults.push({ name, fault: error });
    }
  }
  return { done, faults };
}

/** Says all but the last and throws that one, so that the command ends with the exit code of the first. */
export function sayFaults(terminal: Terminal, faults: readonly Refused[]): void {
  const [first, ...more] = faults;
  if (!first) return;
  if (more.length === 0) throw first.fault;
  for (const { name, fault } of faults.slice(0, -1)) terminal.err(`error: ${name}: ${fault.message}\n`);
  const last = faults.at(-1) ?? first;
  throw new Fault(`${last.name}: ${last.fault.message}`, first.fault.exit);
}
