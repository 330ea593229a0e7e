import type { Command } from 'commander';
import { z } from 'zod';
import { type Desk, doing, withExamples } from '../desk';
import { EXIT, Fault } from '../fault';
import { pause } from '../pause';
import { plain } from '../plain';
import { quietJson, quietYaml } from '../show';
import type { Terminal } from '../terminal';
import { Unreachable } from '../warehouse.client';

interface Options {
  readonly subject?: string;
  readonly repository?: string;
  readonly after?: string;
}

const FactSchema = z.looseObject({ id: z.string(), type: z.string(), time: z.string(), data: z.unknown() });

const PAUSE_MS = 1_000;

export function addEvents(program: Command, terminal: Terminal): void {
  const command = program
    .command('events')
    .summary('hear what happens')
    .description(
      'Hear what happens, from now on or from an earlier event, until Ctrl-C; also while the server restarts. A line for each event; with --output json one JSON a line, as a program reads it, and with name the ids, for --after.',
    )
    .option('--subject <subjects>', 'only these: tag.moved,image.* or blob.>')
    .option('--repository <repository>', 'only about this one, as it is stored: docker.io/library/node')
    .option('--after <id>', 'begin after this event, or with first at the oldest that is kept')
    .action(doing<Options>(terminal, follow));
  withExamples(command, [
    ["entrepot events --subject 'tag.*' --repository team/app", 'who moves the tags of one repository'],
    ['entrepot events --after first --output json', 'everything that is still known, for a program'],
  ]);
}

/** Ends only by a person, or where the server refuses. */
async function follow(desk: Desk, _: readonly string[], { after, ...filter }: Options): Promise<void> {
  const { terminal, warehouse } = desk;
  let last: string | undefined;
  let isFirst = true;
  while (!terminal.interrupted.aborted) {
    try {
      const query = last === undefined ? { ...filter, after } : filter;
      for await (const { event, id, data } of warehouse.events('/api/v1/events', query, last)) {
        last = id ?? last;
        if (event === 'missed') terminal.err('events between were missed: they are kept no more\n');
        if (event === 'fact') terminal.out(lineOf(desk, data, last));
      }
      isFirst = false;
    } catch (error) {
      if (terminal.interrupted.aborted) break;
      if (isFirst || !(error instanceof Unreachable)) throw error;
    }
    await pause(PAUSE_MS, terminal.interrupted);
  }
  throw new Fault(last === undefined ? '' : `to go on: entrepot events --after ${last}`, EXIT.interrupted);
}

function lineOf({ output }: Desk, data: string, id: string | undefined): string {
  if (output === 'name') return `${id ?? ''}\n`;
  const fact = JSON.parse(data);
  if (output === 'json') return `${quietJson(JSON.stringify(fact))}\n`;
  if (output === 'yaml') return `---\n${quietYaml(fact)}`;
  const { time, type, data: about } = FactSchema.parse(fact);
  const what = type.replace(/^dev\.entrepot\.fact\./, '').replace(/\.v\d+$/, '');
  return `${plain(`${time}  ${what.padEnd(20)}  ${JSON.stringify(about)}`)}\n`;
}
