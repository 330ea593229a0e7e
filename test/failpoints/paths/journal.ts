import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BeginRebuild, ReadAdoption } from '#contracts/calls/adoption';
import { TakeSegment } from '#contracts/calls/journal';
import type { ScriptedImage } from '#testing/scripted-image';
import { readImage } from '../client-read';
import type { Path } from '../path';
import type { Victim } from '../victim';
import { newImage } from '../victim-image';
import { pullWalk } from './pull';

interface Line {
  readonly kind: string;
  readonly at: string;
  readonly repository?: string;
}

const folderOf = (victim: Victim) => join(victim.program.data, 'blobs', 'journal');

/** What the journal says of an image's repository. */
async function linesOf(victim: Victim, { path }: ScriptedImage): Promise<Line[]> {
  const names = (await readdir(folderOf(victim), { recursive: true })).filter((name) => name.endsWith('.jsonl')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folderOf(victim), name), 'utf8')));
  const lines = texts.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => JSON.parse(line) as Line);
  return lines.filter(({ repository }) => `/v2/${repository}` === path);
}

export const journal: Path = {
  name: 'a journal that is taken into the store',
  place: 'folder',
  owns: ['metadata.pack-journal', 'blobs.fsync-segment', 'blobs.rename-segment', 'metadata.end-segment'],
  async prepare(victim) {
    const image = newImage(victim);
    const { run, ends } = await pullWalk(victim, image);
    const isWritten = async () => {
      await victim.until('the journal has the tag', async () =>
        (await linesOf(victim, image)).some(({ kind }) => kind === 'tag'),
      );
      // Blobs of one image may be said together or each by itself: none is said twice.
      const lines = (await linesOf(victim, image)).map(({ at: _, ...line }) => JSON.stringify(line));
      if (new Set(lines).size !== lines.length) throw new Error(`the journal says ${lines.join(', ')}`);
    };
    return {
      async run() {
        const since = victim.said;
        await run();
        await isWritten();
        await victim.passes('metadata.end-segment', since);
      },
      async ends() {
        await ends();
        await isWritten();
      },
    };
  },
};

const isAdopted = (victim: Victim) => async () =>
  (await victim.call((calls) => calls.ask(ReadAdoption, {}))).adoption?.phase === 'ended';

/** The store is ahead of the database by a segment that this database never wrote, and has an object that it does not know. */
export const startRestored: Path = {
  name: 'a start that finds its database restored',
  place: 'folder',
  isFirstStart: true,
  after: 'metadata.complete-pull:after',
  settings: { ENTREPOT_QUARANTINE_MS: '100' },
  owns: [
    'metadata.raise-generation',
    'metadata.take-adoption',
    'metadata.adopt-segment',
    'metadata.end-adoption-phase',
    'metadata.compare-stored',
    'metadata.adopt-object',
  ],
  async prepare(victim) {
    const { run, ends } = await pullWalk(victim);
    const taken = () => victim.call((calls) => calls.ask(TakeSegment, {}));
    return {
      async run() {
        // Whoever has stored a segment has compared the store with the database, and does so once in a life.
        await readImage(victim, newImage(victim));
        await victim.passes('metadata.end-segment');
        const { installation } = await taken();
        const folder = join(folderOf(victim), installation);
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, '000001-000000000999.jsonl'), '{}\n');
        const object = randomUUID();
        const shelf = join(victim.program.data, 'blobs', 'objects', object.slice(0, 6));
        await mkdir(shelf, { recursive: true });
        await writeFile(join(shelf, object), 'what no row names');
        await run();
      },
      async ends() {
        await ends();
        const raised = async () => (await taken()).generation !== 1;
        await victim.until('a new generation begins', raised);
        const { generation } = await taken();
        if (generation !== 2) throw new Error(`the generation is ${generation}`);
        await victim.until('it has back what the store has', isAdopted(victim));
      },
    };
  },
};

/** Made of a store whose journal says nothing. */
export const rebuild: Path = {
  name: 'a rebuild of an empty database',
  place: 'folder',
  isFirstStart: true,
  owns: ['metadata.begin-rebuild'],
  async prepare(victim) {
    const installation = randomUUID();
    const begin = () => victim.call((calls) => calls.ask(BeginRebuild, { installation, generation: 1 }));
    const until = () => victim.until('it has back what the store has', isAdopted(victim));
    return {
      async run() {
        await begin();
        await until();
      },
      async ends() {
        const { adoption } = await victim.call((calls) => calls.ask(ReadAdoption, {}));
        if (adoption === null) await begin();
        await until();
      },
    };
  },
};
