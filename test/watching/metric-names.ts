/** Words of PromQL that are no metric, where they stand alone. */
const WORDS = new Set([
  'and',
  'or',
  'unless',
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'bool',
  'offset',
]);

/** The metrics that a query of Prometheus asks for. */
export function metricNames(query: string): string[] {
  const bare = query
    .replace(/"[^"]*"|'[^']*'/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
  const names = [...bare.matchAll(/(?<![\w$.])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])/g)].map(([name]) => name);
  return [...new Set(names)].filter((name) => !WORDS.has(name));
}

/** Every query of a Grafana dashboard. */
export function dashboardQueries(dashboard: unknown): string[] {
  const { panels = [] } = dashboard as { panels?: { targets?: { expr: string }[]; panels?: unknown[] }[] };
  return panels.flatMap((panel) => [...(panel.targets ?? []).map(({ expr }) => expr), ...dashboardQueries(panel)]);
}

/** Every query of a file of Prometheus' rules. */
export function ruleQueries(file: unknown): string[] {
  const { groups } = file as { groups: { rules: { expr: string }[] }[] };
  return groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
}

/** Metrics that a program says it has, by its text: a histogram has three names more. */
export function metricsIn(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\w+)$/gm)) {
    found.add(name);
    if (type === 'histogram') for (const part of ['bucket', 'sum', 'count']) found.add(`${name}_${part}`);
  }
  return found;
}

/** What Prometheus itself adds. */
export const PROMETHEUS_OWN = new Set(['up']);

/** Those of `queries` that ask for a metric which is not there, each with it. */
export function unknownMetrics(queries: readonly string[], known: ReadonlySet<string>): string[] {
  return queries.flatMap((query) =>
    metricNames(query)
      .filter((name) => !known.has(name) && !PROMETHEUS_OWN.has(name))
      .map((name) => `${name} in ${query}`),
  );
}
