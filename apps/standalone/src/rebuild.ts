import { setTimeout as delay } from 'node:timers/promises';
import type { Calls } from '#calls/calls';
import { StartFault } from '#config/start-fault';
import { BeginRebuild, ListJournals, ReadAdoption } from '#contracts/calls/adoption';
import type { AnswerOf } from '#contracts/define-call';
import { isRegistryError } from '#oci/registry-error';

type Journal = AnswerOf<typeof ListJournals>['journals'][number];
type Adoption = NonNullable<AnswerOf<typeof ReadAdoption>['adoption']>;

export interface RebuildOptions {
  /** Whose journal is read, where the store has several. */
  readonly installation?: string;
  readonly say: (line: string) => void;
  /** How often it is looked how far it has come, in milliseconds. */
  readonly everyMs?: number;
}

const DOING: Record<Adoption['phase'], string> = {
  names: 'reading the journal',
  missing: 'comparing what is stored',
  objects: 'reading what is stored',
  ended: 'done',
};

/**
 * Has an empty database filled from what is in the store, and waits until it is. Who does it is blobs: here, or where it
 * runs. Answers the exit code. Throws StartFault.
 */
export async function rebuild(calls: Calls, { installation, say, everyMs = 1_000 }: RebuildOptions): Promise<number> {
  const { installation: whose, last } = chooseJournal((await calls.ask(ListJournals, {})).journals, installation);
  say(`the journal of installation ${whose} ends with segment ${last.generation}-${last.segment}`);
  await calls.ask(BeginRebuild, { installation: whose, generation: last.generation }).catch((error: unknown) => {
    throw isRegistryError(error, 'CONFLICT') ? new StartFault(error.message) : error;
  });
  for (let said = ''; ; await delay(everyMs)) {
    const { adoption } = await calls.ask(ReadAdoption, {});
    const line = adoption ? describe(adoption) : '';
    if (line !== said) say(line);
    said = line;
    if (adoption?.phase === 'ended') return 0;
  }
}

function describe({ phase, words, adopted, quarantined, after }: Adoption): string {
  if (phase === 'names') return `${DOING.names}: ${words} entries, segment ${after.generation}-${after.segment}`;
  const aside = quarantined > 0 ? `, ${quarantined} that nothing wants are put aside` : '';
  return `${DOING[phase]}: ${words} entries, ${adopted} objects${aside}`;
}

function chooseJournal(journals: readonly Journal[], wanted: string | undefined): Journal {
  if (journals.length === 0) throw new StartFault('There is no journal in this store: nothing can be rebuilt from it.');
  const names = journals.map(({ installation }) => installation);
  const chosen = wanted === undefined ? journals : journals.filter(({ installation }) => installation === wanted);
  if (chosen.length === 1) return chosen[0]!;
  const which = wanted === undefined ? 'several' : `none of ${wanted}`;
  throw new StartFault(`The store has the journals of ${names.join(', ')}, ${which}: say which with --installation.`);
}
