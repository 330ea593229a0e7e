import fc from 'fast-check';
import { howAsked } from '../how';
import { childrenOf, IMAGES } from '../images';
import { closure, LOCAL, moveTag, TAGS, takeTag } from '../model';
import { anyReference, anyTag, words } from '../references';
import { find, outcomeOf, Refused, readReference, readTag } from '../request';
import { requestStep, type Step } from '../step';
import { show } from './pull';

/** Nothing is copied but names: the image, and what it lists of what is there. */
export const tag: fc.Arbitrary<Step> = fc
  .tuple(anyReference, fc.constantFrom(...LOCAL), fc.constantFrom(...TAGS), howAsked('tag'))
  .map(([source, to, name, how]) =>
    requestStep(`tag ${words(source)} as ${to}:${name}`, how, (model, names) => {
      const exact = readReference(model, source);
      return {
        kind: 'tag',
        body: { source: names.text(exact), target: names.text({ by: 'tag', repository: to, tag: name }) },
        expected: outcomeOf(() => {
          const { repository, image } = find(model, exact);
          const target = model.repositories[to];
          const from = target.tags.get(name) ?? null;
          const tree = closure([image], (each) => childrenOf(each).filter((one) => repository.shown.has(one)));
          for (const each of tree) show(model, target, each);
          moveTag(model, target, name, image);
          return { tag: name, from: from && names.digest(from), to: names.digest(image) };
        }),
      };
    }),
  );

export const untag: fc.Arbitrary<Step> = fc.tuple(anyTag, howAsked('untag')).map(([asked, how]) =>
  requestStep(`untag ${words(asked)}`, how, (model, names) => {
    const exact = readTag(model, asked);
    return {
      kind: 'untag',
      body: { reference: names.text(exact) },
      expected: outcomeOf(() => {
        const { repository, image } = find(model, exact);
        takeTag(repository, exact.tag);
        return { from: names.digest(image), to: null };
      }),
    };
  }),
);

/** To what it named before, or to one that it named once. */
export const rollback: fc.Arbitrary<Step> = fc
  .tuple(
    fc.constantFrom(...LOCAL),
    fc.constantFrom(...TAGS),
    fc.option(fc.constantFrom(...IMAGES)),
    howAsked('rollback'),
  )
  .map(([name, asked, to, how]) =>
    requestStep(`roll ${name}:${asked} back to ${to ?? 'what it was'}`, how, (model, names) => ({
      kind: 'rollback',
      body: {
        reference: names.text({ by: 'tag', repository: name, tag: asked }),
        ...(to === null ? {} : { to: names.digest(to) }),
      },
      expected: outcomeOf(() => {
        const repository = model.repositories[name];
        const from = repository.tags.get(asked) ?? null;
        const earlier = repository.moves
          .filter((move) => move.tag === asked && move.to !== null)
          .filter((move) => (to === null ? move.to !== from : move.to === to));
        const image = earlier.at(-1)?.to;
        if (!image) throw new Refused('NOT_FOUND');
        if (!repository.shown.has(image)) throw new Refused('CONFLICT');
        moveTag(model, repository, asked, image);
        return { from: from && names.digest(from), to: names.digest(image) };
      }),
    })),
  );
