import fc from 'fast-check';
import { type How, howAsked } from '../how';
import { childrenOf, IMAGES } from '../images';
import { closure, LOCAL, moveTag, TAGS, takeTag } from '../model';
import { anyReference, anyTag, words } from '../references';
import {
  find,
  outcomeOf,
  type Reference,
  Refused,
  readFreed,
  readReference,
  readTag,
  type TagReference,
} from '../request';
import { requestStep, type Step } from '../step';
import { show } from './pull';

/** Most names that were thrown away are given again: they are in the way of what would come back. */
const anyTarget: fc.Arbitrary<TagReference> = fc.record({
  nth: fc.option(fc.nat(3), { freq: 3 }),
  else: fc.record({
    by: fc.constant('tag' as const),
    repository: fc.constantFrom(...LOCAL),
    tag: fc.constantFrom(...TAGS),
  }),
});

/** Nothing is copied but names: the image, and what it lists of what is there. */
export const tagStep = (source: Reference, to: TagReference, how: How): Step =>
  requestStep(`tag ${words(source)} as ${wordsOfTarget(to)}`, how, (model, names) => {
    const exact = readReference(model, source);
    const named = readFreed(model, to);
    return {
      kind: 'tag',
      body: { source: names.text(exact), target: names.text(named) },
      expected: outcomeOf(() => {
        const { repository, image } = find(model, exact);
        const target = model.repositories[named.repository];
        const from = target.tags.get(named.tag) ?? null;
        const tree = closure([image], (each) => childrenOf(each).filter((one) => repository.shown.has(one)));
        for (const each of tree) show(model, target, each);
        moveTag(model, target, named.tag, image);
        return { tag: named.tag, from: from && names.digest(from), to: names.digest(image) };
      }),
    };
  });

export const tag: fc.Arbitrary<Step> = fc
  .tuple(anyReference, anyTarget, howAsked('tag'))
  .map(([source, to, how]) => tagStep(source, to, how));

function wordsOfTarget({ nth, else: other }: TagReference): string {
  const said = `${other.repository}:${other.tag}`;
  return nth === null ? said : `the ${nth}th name that is in the trash (or ${said})`;
}

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
