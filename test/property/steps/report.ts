import fc from 'fast-check';
import type { ContainerState } from '#contracts/bodies/container';
import { howAsked } from '../how';
import type { Image } from '../images';
import { IMAGES } from '../images';
import { reporterEnds } from '../keep';
import { type Container, type Model, tagsOf } from '../model';
import { exactTag } from '../references';
import { type ExactTag, type Found, findAll, outcomeOf, Refused } from '../request';
import { requestStep, type Step } from '../step';
import { HOUR } from '../times';

const REPORTER = 'engine';

interface Reported {
  readonly name: 'one' | 'two';
  readonly reference: ExactTag;
  readonly image: Image | null;
  readonly state: ContainerState;
}

const reported: fc.Arbitrary<Reported[]> = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('one' as const, 'two' as const),
    reference: exactTag,
    image: fc.option(fc.constantFrom(...IMAGES)),
    state: fc.constantFrom<ContainerState>('running', 'exited'),
  }),
  { maxLength: 2, selector: ({ name }) => name },
);

/**
 * A digest counts more than a name: in the repository that is named if it is there, else where the named tag names it,
 * or any does.
 */
function findReported(model: Model, { reference, image }: Reported): Found | undefined {
  if (image === null) return findAll(model, reference)[0];
  const rank = ({ repository }: Found) => {
    if (repository.name === reference.repository) return 0;
    if (repository.tags.get(reference.tag) === image) return 1;
    return tagsOf(repository, image).length > 0 ? 2 : 3;
  };
  const [first] = findAll(model, { by: 'id', image }).sort((one, other) => rank(one) - rank(other));
  return first && { ...first, tag: first.repository.name === reference.repository ? reference.tag : null };
}

/** The same container that says the same of its image keeps what was found for it. */
function toContainer(model: Model, each: Reported): Container | undefined {
  const said = JSON.stringify([each.reference, each.image]);
  const before = model.containers.find(({ reported }) => reported?.id === each.name);
  const shown = { name: `${REPORTER}/${each.name}`, state: each.state, reported: { id: each.name, said } };
  if (before?.reported?.said === said) return { ...before, ...shown };
  const found = findReported(model, each);
  if (!found) return undefined;
  const { repository, image, tag } = found;
  const nameless = before?.image === image && before.nameless;
  return { ...shown, repository: repository.name, image, tag, manifest: null, exitCode: null, nameless };
}

export const report: fc.Arbitrary<Step> = fc
  .tuple(
    fc.constantFrom('first', 'first', 'first', 'second'),
    fc.constantFrom(10 * HOUR, 100 * HOUR),
    reported,
    howAsked('container-report'),
  )
  .map(([holder, leaseMs, containers, how]) =>
    requestStep(`${holder} reports ${JSON.stringify(containers)} for ${leaseMs / HOUR} h`, how, (model, names) => ({
      kind: 'container-report',
      body: {
        reporter: REPORTER,
        holder,
        leaseSeconds: leaseMs / 1000,
        containers: containers.map(({ name, reference, image, state }) => ({
          ...{ id: name, name, image: names.text(reference), state },
          ...(image === null ? {} : { digest: names.digest(image) }),
        })),
      },
      expected: outcomeOf(() => {
        const ends = reporterEnds(model);
        if (ends !== null && ends > model.at && model.reporter!.holder !== holder) throw new Refused('CONFLICT');
        const before = model.containers.filter((each) => each.reported !== null);
        const now = containers.flatMap((each) => toContainer(model, each) ?? []);
        model.reporter = { holder, leaseMs, reportedAt: model.at };
        model.containers = [...model.containers.filter((each) => each.reported === null), ...now];
        const ids = (all: readonly Container[]) => new Set(all.map((each) => each.reported!.id));
        const created = now.filter((each) => !ids(before).has(each.reported!.id)).length;
        return { created, removed: before.filter((each) => !ids(now).has(each.reported!.id)).length };
      }),
    })),
  );
