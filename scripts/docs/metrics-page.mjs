import { code, GENERATED, page, table } from './markdown.mjs';

const TITLES = {
  gateway: 'What clients ask: the gateway',
  fetcher: 'Upstreams: the fetcher',
  blobs: 'The store: blobs',
  metadata: 'Queues and Postgres: metadata',
  bus: 'NATS: every service; streams and consumers: metadata',
  call: 'Calls between services: every service but the gateway',
  source: 'Looking: every service',
};

/** `metrics.md`: every figure that the services show. */
export function metricsPage({ metrics }) {
  const groups = [...new Set(metrics.map(({ group }) => group))];
  return page(
    GENERATED,
    '# Metrics',
    'Every service shows these in the Prometheus text format: the gateway at `/metrics` of its own port, the others at `/metrics` of their internal port, the standalone program all of them at `/metrics` of its one port. Beside them each shows what is known of any Node process (`process_*`, `nodejs_*`): memory, processor time, the delay of its event loop, its garbage collector.',
    'No label is a repository, a digest, a tag or a host: the number of series is bounded by the program. A figure that is read from Postgres, NATS or the store when somebody looks is left out while that is away, and `entrepot_scrape_source_up` says so. How to use them: [watch it](../how-to/watch-it.md).',
    groups.flatMap((group) => [
      `## ${TITLES[group] ?? group}`,
      table(
        ['Metric', 'Type', 'Labels', 'Meaning'],
        metrics
          .filter((metric) => metric.group === group)
          .map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), `${help}.`]),
      ),
    ]),
  );
}
