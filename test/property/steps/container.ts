import fc from 'fast-check';
import { CONTAINER_ACTIONS, type ContainerAction, type ContainerState } from '#contracts/bodies/container';
import { howAsked } from '../how';
import { childrenOf, isRunnable } from '../images';
import { type Container, LOCAL, type Model, moveTag } from '../model';
import { anyReference, words } from '../references';
import { type Exact, type Found, findUsable, outcomeOf, Refused, readReference } from '../request';
import { requestStep, type Step } from '../step';
import { pulled, upstreamImage } from './pull';

/** None of them is the beginning of an id. */
const CONTAINERS = ['web', 'job', 'proxy'] as const;

/** The n-th of those that are there at that moment, or else what is said. */
interface Called {
  readonly nth: number | null;
  readonly else: string;
}

const anyName: fc.Arbitrary<Called> = fc.record({
  nth: fc.option(fc.nat(4), { freq: 3 }),
  else: fc.constantFrom(...CONTAINERS, 'engine/one', 'engine/two'),
});

const readName = ({ containers }: Model, { nth, else: other }: Called): string =>
  (nth === null ? undefined : containers[nth % Math.max(1, containers.length)]?.name) ?? other;

const wordsOfName = ({ nth, else: other }: Called): string =>
  nth === null ? other : `the ${nth}th container (or ${other})`;

export const create: fc.Arbitrary<Step> = fc
  .tuple(anyReference, fc.constantFrom(...CONTAINERS), howAsked('container-create'))
  .map(([reference, name, how]) =>
    requestStep(`create ${name} of ${words(reference)}`, how, (model, names) => {
      const exact = readReference(model, reference);
      return {
        kind: 'container-create',
        body: { image: names.text(exact), name },
        expected: outcomeOf(() => {
          if (model.containers.some((each) => each.name === name)) throw new Refused('CONFLICT');
          const found = findUsable(model, exact);
          const made = found && makeOf(found, name);
          if (made) model.containers.push(made);
          else createPulled(model, exact, name, found);
          return { name, state: 'created' };
        }),
      };
    }),
  );

/** Undefined where some of it is missing. */
function makeOf({ repository, image, tag }: Found, name: string): Container | undefined {
  if (!isRunnable(image)) throw new Refused('UNSUPPORTED');
  const manifest = childrenOf(image)[0] ?? image;
  if (!repository.shown.has(manifest)) return undefined;
  const made = { name, repository: repository.name, image, tag, manifest, state: 'created' as const };
  return { ...made, exitCode: null, nameless: false, reported: null };
}

/** A missing one is pulled first, by the name it was asked by; what an id means comes from nowhere. */
function createPulled(model: Model, reference: Exact, name: string, found: Found | undefined): void {
  const isPulled = reference.by !== 'id' && !LOCAL.includes(reference.repository);
  if (!isPulled) throw new Refused(found ? 'CONFLICT' : 'NOT_FOUND');
  const repository = model.repositories[reference.repository];
  const image = upstreamImage(model, reference.repository, reference);
  pulled(model, repository, image, false);
  const tag = reference.by === 'tag' ? reference.tag : null;
  if (tag !== null) moveTag(model, repository, tag, image);
  const made = makeOf({ repository, image, tag }, name);
  if (made) model.containers.push(made);
}

const TO: Readonly<Record<ContainerAction, readonly [ContainerState, ...ContainerState[]]>> = {
  start: ['running', 'created', 'exited'],
  restart: ['running', 'created', 'running', 'exited'],
  pause: ['paused', 'running'],
  unpause: ['running', 'paused'],
  exit: ['exited', 'running', 'paused'],
  kill: ['exited', 'running', 'paused'],
  die: ['dead', 'created', 'running', 'paused', 'exited'],
};
const EXIT_CODES: Partial<Record<ContainerAction, number>> = { exit: 0, kill: 137 };

export const isAlive = ({ state }: Container) => state === 'running' || state === 'paused';

function findOwn(model: Model, name: string): Container {
  const found = model.containers.find((each) => each.name === name);
  if (!found) throw new Refused('NOT_FOUND');
  if (found.reported) throw new Refused('CONFLICT');
  return found;
}

export const change: fc.Arbitrary<Step> = fc
  .tuple(anyName, fc.constantFrom('start' as const, ...CONTAINER_ACTIONS), howAsked('container-change'))
  .map(([called, action, how]) =>
    requestStep(`${action} ${wordsOfName(called)}`, how, (model) => {
      const container = readName(model, called);
      return {
        kind: 'container-change',
        body: { container, action },
        expected: outcomeOf(() => {
          const found = findOwn(model, container);
          const [to, ...from] = TO[action];
          if (!from.includes(found.state)) throw new Refused('CONFLICT');
          found.state = to;
          found.exitCode = EXIT_CODES[action] ?? found.exitCode;
          return { state: to };
        }),
      };
    }),
  );

export const rename: fc.Arbitrary<Step> = fc
  .tuple(anyName, fc.constantFrom(...CONTAINERS), howAsked('container-rename'))
  .map(([called, name, how]) =>
    requestStep(`rename ${wordsOfName(called)} to ${name}`, how, (model) => {
      const container = readName(model, called);
      return {
        kind: 'container-rename',
        body: { container, name },
        expected: outcomeOf(() => {
          const found = findOwn(model, container);
          if (model.containers.some((each) => each !== found && each.name === name)) throw new Refused('CONFLICT');
          found.name = name;
          return { name };
        }),
      };
    }),
  );

export const removeContainer: fc.Arbitrary<Step> = fc
  .tuple(anyName, fc.boolean(), howAsked('container-remove'))
  .map(([called, force, how]) =>
    requestStep(`remove container ${wordsOfName(called)}${force ? ' by force' : ''}`, how, (model) => {
      const container = readName(model, called);
      return {
        kind: 'container-remove',
        body: { container, force },
        expected: outcomeOf(() => {
          const found = findOwn(model, container);
          if (isAlive(found) && !force) throw new Refused('CONFLICT');
          model.containers = model.containers.filter((each) => each !== found);
          return { name: container };
        }),
      };
    }),
  );

export const pruneContainers: fc.Arbitrary<Step> = howAsked('container-prune').map((how) =>
  requestStep('prune containers', how, (model) => ({
    kind: 'container-prune',
    body: {},
    expected: outcomeOf(() => {
      const gone = model.containers.filter((each) => !isAlive(each) && each.reported === null);
      model.containers = model.containers.filter((each) => !gone.includes(each));
      return { count: gone.length };
    }),
  })),
);
