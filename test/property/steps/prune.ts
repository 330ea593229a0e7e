import fc from 'fast-check';
import { howAsked } from '../how';
import { childrenOf, type Image, parentsOf, referrersOf } from '../images';
import { awaySince } from '../keep';
import {
  closure,
  type Filters,
  isListed,
  lastUse,
  type Model,
  type Plan,
  type PlanItem,
  REPOSITORIES,
  type Repository,
  tagsOf,
  takeTag,
} from '../model';
import type { Names } from '../names';
import { inOrder, outcomeOf, Refused } from '../request';
import { requestStep, type Step } from '../step';
import { DAY, HOUR, TIMES } from '../times';
import { release } from './remove';

interface Judged extends PlanItem {
  readonly keptBy: string | null;
}

/** What is in use or promised, and all that hangs together with it. */
function usedImages(model: Model, { name }: Repository): Map<Image, string> {
  const why = new Map<Image, string>();
  const spread = (root: Image, reason: string) => {
    const above = closure([root], parentsOf);
    for (const each of closure(above, (one) => [...childrenOf(one), ...referrersOf(one)])) why.set(each, reason);
  };
  for (const [key, until] of model.manifestPins)
    if (until > model.at && key.startsWith(`${name} `)) spread(key.slice(name.length + 1) as Image, 'pin');
  for (const each of model.containers) if (each.repository === name) spread(each.image, 'container');
  return why;
}

function judge(model: Model, filters: Filters): Judged[] {
  return inOrder(model)
    .filter(({ name }) => filters.repository === null || filters.repository === name)
    .flatMap((repository) => {
      const used = usedImages(model, repository);
      const listed = [...repository.shown.keys()].filter((image) => isListed(repository, image));
      return listed.map((image) => judgeOne(model, filters, repository, image, used.get(image)));
    });
}

function judgeOne(
  model: Model,
  { unused, untilMs }: Filters,
  repository: Repository,
  image: Image,
  why?: string,
): Judged {
  const usedAt = lastUse(repository.shown.get(image)!);
  const tags = tagsOf(repository, image);
  const isRecent = untilMs !== null && usedAt + untilMs + awaySince(model, usedAt) > model.at;
  const keptBy = why ?? (!unused && tags.length > 0 ? 'tag' : isRecent ? 'recent' : null);
  return { repository: repository.name, image, tags, usedAt, state: 'planned', keptBy };
}

function makePlan(model: Model, filters: Filters): Plan {
  const all = judge(model, filters);
  const kept: Record<string, number> = {};
  for (const { keptBy } of all) if (keptBy !== null) kept[keptBy] = (kept[keptBy] ?? 0) + 1;
  const items = all.filter(({ keptBy }) => keptBy === null);
  return { id: '', filters, items, kept, seen: all.length, until: model.at + TIMES.plan, applied: false };
}

/** Each is looked at again: what is not as it was read is left alone. Answers how many go. */
function carryOut(model: Model, plan: Plan): number {
  plan.applied = true;
  let removed = 0;
  for (const name of REPOSITORIES) {
    const items = plan.items.filter((each) => each.repository === name);
    const now = new Map(judge(model, { ...plan.filters, repository: name }).map((each) => [each.image, each]));
    for (const item of items) item.state = isSame(item, now.get(item.image)) ? 'removed' : 'left';
    const goes = items.filter(({ state }) => state === 'removed');
    for (const item of goes) takeItem(model, item);
    removed += goes.length;
  }
  return removed;
}

const isSame = (item: PlanItem, now: Judged | undefined) =>
  now?.keptBy === null && now.tags.join() === item.tags.join() && now.usedAt === item.usedAt;

function takeItem(model: Model, { repository: name, image, tags }: PlanItem): void {
  const repository = model.repositories[name];
  for (const tag of tags) takeTag(repository, tag);
  release(model, repository, image, false);
  if (!repository.isLocal) return;
  model.trash.push({ id: '', repository: name, image, tags, whole: true, until: model.at + TIMES.undo, ended: null });
}

const anyFilters: fc.Arbitrary<Filters> = fc.record({
  unused: fc.boolean(),
  untilMs: fc.constantFrom(null, null, 9 * HOUR, 3 * DAY),
  repository: fc.option(fc.constantFrom(...REPOSITORIES)),
});

function bodyOf({ unused, untilMs, repository }: Filters, names: Names): Record<string, unknown> {
  return {
    ...(unused ? { unused } : {}),
    ...(untilMs === null ? {} : { until: `${untilMs / HOUR}h` }),
    ...(repository === null ? {} : { repository: names.stored(repository) }),
  };
}

const words = ({ unused, untilMs, repository }: Filters) =>
  `${unused ? 'unused' : 'dangling'}${untilMs === null ? '' : ` of ${untilMs / HOUR} h`}${repository === null ? '' : ` in ${repository}`}`;

/** What was read to go is what goes, where nothing happens meanwhile. */
export const prune: fc.Arbitrary<Step> = fc.tuple(anyFilters, howAsked('prune')).map(([filters, how]) =>
  requestStep(`prune ${words(filters)}`, how, (model, names) => {
    const plan = makePlan(model, filters);
    const removed = carryOut(model, plan);
    const outcome = { seen: plan.seen, kept: plan.kept, removed, left: plan.items.length - removed };
    const body = { ...bodyOf(filters, names), confirm: plan.items.length };
    return { kind: 'prune', body, expected: { state: 'completed', outcome } };
  }),
);

export const planPrune: fc.Arbitrary<Step> = fc.tuple(anyFilters, howAsked('prune')).map(([filters, how]) => ({
  label: `plan to prune ${words(filters)} (${how.by})`,
  run: async (life) => {
    const plan = makePlan(life.model, filters);
    const { seen, kept } = plan;
    const body = { ...bodyOf(filters, life.names), dryRun: true };
    const expected = { state: 'completed' as const, outcome: { seen, kept, removed: 0, left: 0 } };
    const learn = (outcome: Readonly<Record<string, unknown>>) => {
      plan.id = String(outcome.plan);
    };
    await life.ask({ kind: 'prune', body, expected, learn }, how);
    await life.seesPlan(plan);
    life.model.plans.push(plan);
  },
}));

export const applyPlan: fc.Arbitrary<Step> = fc.tuple(fc.nat(3), howAsked('prune')).map(([nth, how]) => ({
  label: `carry out the ${nth}th plan (${how.by})`,
  run: async (life) => {
    const { model } = life;
    const newest = [...model.plans].reverse();
    const plan = newest[nth % Math.max(1, newest.length)];
    const body = { plan: plan?.id ?? '00000000-0000-7000-8000-000000000000' };
    const expected = outcomeOf(() => {
      if (!plan) throw new Refused('NOT_FOUND');
      if (plan.applied || plan.until <= model.at) throw new Refused('CONFLICT');
      const removed = carryOut(model, plan);
      return { seen: plan.seen, kept: plan.kept, removed, left: plan.items.length - removed };
    });
    await life.ask({ kind: 'prune', body, expected }, how);
    if (plan) await life.seesPlan(plan);
  },
}));
