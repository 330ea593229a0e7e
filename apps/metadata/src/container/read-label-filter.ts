import { ALL_LABELS } from './container-rows';

/** What labels must and must not be there. */
export interface LabelFilter {
  readonly keys: readonly string[];
  readonly pairs: Readonly<Record<string, string>>;
  readonly notKeys: readonly string[];
  readonly notPairs: readonly Readonly<Record<string, string>>[];
  /** One key was asked to have two values: no container has. */
  readonly isImpossible: boolean;
}

/** `key`, `key=value`, and each after `!` for those without it. */
export function readLabelFilter(texts: readonly string[]): LabelFilter {
  const asked = texts.map((text) => {
    const isNot = text.startsWith('!');
    const [key = '', ...value] = text.slice(isNot ? 1 : 0).split('=');
    return { isNot, key, value: value.length === 0 ? undefined : value.join('=') };
  });
  const pairs = asked.filter(({ isNot, value }) => !isNot && value !== undefined);
  const values = new Map(pairs.map(({ key, value }) => [key, value!]));
  const keysOf = (not: boolean) =>
    asked.flatMap(({ isNot, key, value }) => (isNot === not && value === undefined ? [key] : []));
  return {
    keys: keysOf(false),
    pairs: Object.fromEntries(values),
    notKeys: keysOf(true),
    notPairs: asked.flatMap(({ isNot, key, value }) => (isNot && value !== undefined ? [{ [key]: value }] : [])),
    isImpossible: pairs.some(({ key, value }) => values.get(key) !== value),
  };
}

/** Of `container`; six parameters from `$first` on, as `labelParams` gives them. Labels are looked at where some were asked for. */
export const labelCondition = (first: number) => `(NOT $${first}::boolean OR EXISTS (
  SELECT FROM (SELECT ${ALL_LABELS} AS labels OFFSET 0) AS all_of_it
  WHERE labels ?& $${first + 1}::text[] AND labels @> $${first + 2}::jsonb AND NOT labels ?| $${first + 3}::text[]
    AND NOT $${first + 5}::boolean
    AND NOT EXISTS (SELECT FROM unnest($${first + 4}::jsonb[]) AS other WHERE labels @> other)))`;

export function labelParams({ keys, pairs, notKeys, notPairs, isImpossible }: LabelFilter): unknown[] {
  const other = notPairs.map((pair) => JSON.stringify(pair));
  const isAsked = keys.length + Object.keys(pairs).length + notKeys.length + notPairs.length > 0;
  return [isAsked, keys, JSON.stringify(pairs), notKeys, other, isImpossible];
}
