import fc from 'fast-check';
import { howAsked } from '../how';
import { undoEnds } from '../keep';
import { keepAgain } from '../model';
import { outcomeOf, Refused } from '../request';
import { requestStep, type Step } from '../step';

/** All of it comes back or nothing does, and never over a newer name. */
export const restore: fc.Arbitrary<Step> = fc.tuple(fc.nat(5), howAsked('restore')).map(([nth, how]) =>
  requestStep(`restore the ${nth}th`, how, (model, names) => {
    const newest = [...model.trash].reverse();
    const entry = newest[nth % Math.max(1, newest.length)];
    const id = entry?.id ?? '00000000-0000-7000-8000-000000000000';
    return {
      kind: 'restore',
      body: { id },
      expected: outcomeOf(() => {
        if (!entry) throw new Refused('NOT_FOUND');
        if (entry.ended === 'restored') throw new Refused('CONFLICT');
        if (entry.ended === 'gone' || undoEnds(model, entry) <= model.at) throw new Refused('GONE');
        const repository = model.repositories[entry.repository];
        const taken = entry.tags.filter((tag) => (repository.tags.get(tag) ?? entry.image) !== entry.image);
        if (taken.length > 0) throw new Refused('CONFLICT');
        entry.ended = 'restored';
        keepAgain(model, repository, entry.image);
        for (const tag of entry.tags.filter((each) => !repository.tags.has(each))) {
          repository.tags.set(tag, entry.image);
          repository.moves.push({ tag, from: null, to: entry.image });
        }
        if (entry.tags.length === 0) repository.shown.get(entry.image)!.pulledAt = model.at;
        return {
          repository: names.stored(entry.repository),
          digest: names.digest(entry.image),
          tagCount: entry.tags.length,
        };
      }),
    };
  }),
);
