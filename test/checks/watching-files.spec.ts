import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { metricsText, watchProcess } from '#telemetry/metrics';
import {
  dashboardQueries,
  metricNames,
  metricsIn,
  PROMETHEUS_OWN,
  ruleQueries,
  unknownMetrics,
} from '../watching/metric-names';
import { HOUSE } from './planted-tree';

const dashboard = JSON.parse(readFileSync(join(HOUSE, 'deploy/grafana/entrepot.json'), 'utf8'));
const rules = parse(readFileSync(join(HOUSE, 'deploy/prometheus/alerts.yml'), 'utf8'));
const queries = [...dashboardQueries(dashboard), ...ruleQueries(rules)];

/** All that the program defines, and what is known of any process. */
async function known(): Promise<Set<string>> {
  const files = ['apps', 'libs'].flatMap((part) => metricFiles(join(HOUSE, part)));
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) require(file);
  watchProcess();
  return metricsIn(await metricsText());
}

function metricFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('-metrics.ts'))
    .map((file) => join(folder, file));
}

describe('the dashboard and the rules for alerts', () => {
  it('ask for metrics that there are, and no other', async () => {
    const there = await known();
    expect(queries.length).toBeGreaterThan(60);
    expect(unknownMetrics(queries, there)).toEqual([]);
    const planted = ['sum by (code) (rate(registry_http_request_total{code="x"}[5m])) > 1'];
    expect(unknownMetrics(planted, there)).toEqual([`registry_http_request_total in ${planted[0]}`]);
  });

  it('show every metric that the program has of its own', async () => {
    const asked = new Set(queries.flatMap(metricNames).map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    const own = [...(await known())].filter((name) => /^(registry|entrepot)_/.test(name));
    const plain = own.filter((name) => !/_(bucket|sum|count)$/.test(name));
    expect(plain.filter((name) => !asked.has(name))).toEqual([]);
  });

  it('say that a process is gone, and that none is asked, which no figure of a process can', () => {
    const own = ruleQueries(rules).filter((query) => metricNames(query).every((name) => PROMETHEUS_OWN.has(name)));
    expect(own).toEqual([
      expect.stringMatching(/^min by \(job, instance\) \(up\{.*\}\) == 0$/),
      expect.stringMatching(/^absent\(up\{/),
    ]);
    const job = new RegExp(`^(?:${/job=~"([^"]*)"/.exec(own[0]!)![1]})$`);
    const page = readFileSync(join(HOUSE, 'docs/how-to/watch-it.md'), 'utf8');
    const [, name = ''] = /job_name: (\S+)/.exec(page) ?? [];
    expect(name).toMatch(job);
  });

  it('are each on the page for operators', () => {
    const page = readFileSync(join(HOUSE, 'docs/operations.md'), 'utf8');
    const names: string[] = rules.groups.flatMap((group: { rules: { alert: string }[] }) =>
      group.rules.map(({ alert }) => alert),
    );
    expect(names.filter((name) => !page.includes(name))).toEqual([]);
  });

  it('are what Grafana and Prometheus read: panels with names of their own, rules with a summary', () => {
    const ids = dashboard.panels.map(({ id }: { id: number }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const group of rules.groups)
      for (const rule of group.rules)
        expect(rule).toMatchObject({
          alert: expect.stringMatching(/^Entrepot\w+$/),
          labels: { severity: expect.stringMatching(/^(critical|warning|info)$/) },
          annotations: { summary: expect.any(String), description: expect.any(String) },
        });
  });
});

test.each([
  ['sum by (job, le) (rate(a_bucket{x="b"}[5m]))', ['a_bucket']],
  ['max(a) > 3 and on (job) b == 0', ['a', 'b']],
  ['histogram_quantile(0.99, sum by (le) (rate(c_seconds_bucket[$__rate_interval])))', ['c_seconds_bucket']],
  ['a / ignoring(code) group_left() (b or vector(0))', ['a', 'b']],
  ['d < 5e9', ['d']],
])('%s asks for %j', (query, names) => {
  expect(metricNames(query)).toEqual(names);
});
