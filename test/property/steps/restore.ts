import fc from 'fast-check';
import { howAsked } from '../how';
import { isOpen } from '../keep';
import { keepAgain, type Model, type Trashed } from '../model';
import { outcomeOf, Refused } from '../request';
import { requestStep, type Step } from '../step';

/** Its tags that name something else by now. */
const takenOf = ({ repositories }: Model, { repository, tags, image }: Trashed) =>
  tags.filter((tag) => (repositories[repository].tags.get(tag) ?? image) !== image);

/** All of it comes back or nothing does, and never over a newer name: such are asked for first, half of the time. */
export const restore: fc.Arbitrary<Step> = fc
  .tuple(fc.nat(5), fc.boolean(), howAsked('restore'))
  .map(([nth, isTaken, how]) =>
    requestStep(`restore the ${nth}th${isTaken ? ' whose name was given again' : ''}`, how, (model, names) => {
      const all = [...model.trash].reverse();
      const taken = isTaken ? all.filter((each) => isOpen(model, each) && takenOf(model, each).length > 0) : [];
      const newest = taken.length > 0 ? taken : all;
      const entry = newest[nth % Math.max(1, newest.length)];
      const id = entry?.id ?? '00000000-0000-7000-8000-000000000000';
      return {
        kind: 'restore',
        body: { id },
        expected: outcomeOf(() => {
          if (!entry) throw new Refused('NOT_FOUND');
          if (entry.ended === 'restored') throw new Refused('CONFLICT');
          if (!isOpen(model, entry)) throw new Refused('GONE');
          const repository = model.repositories[entry.repository];
          if (takenOf(model, entry).length > 0) throw new Refused('CONFLICT');
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
