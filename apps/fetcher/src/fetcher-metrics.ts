import { counter, gauge, histogram } from '#telemetry/metrics';

export const fillsRunning = gauge('entrepot_fills_running', 'Blobs that this fetcher downloads from upstreams now');

export const fillEnds = counter(
  'entrepot_fills_total',
  "Ends of a blob's download, by how: completed, failed (for good), again (another attempt), given-back, lost (its lease)",
  ['outcome'],
);

export const fillFailures = counter(
  'entrepot_fill_failures_total',
  "Attempts of a blob's download that failed, by the code of the error",
  ['reason'],
);

export const fillSeconds = histogram(
  'entrepot_fill_duration_seconds',
  "Time of a blob's download that was completed",
  [],
  [0.1, 0.5, 1, 5, 15, 60, 300, 1800],
);

export const pulledBytes = counter(
  'registry_proxy_pulled_bytes_total',
  'Content taken from upstreams, in bytes, those of attempts that failed too',
  ['type'],
);

export const pullsRunning = gauge(
  'entrepot_pulls_running',
  'Operations that pull an image and that this fetcher carries out now',
);

export const upstreamSeconds = histogram(
  'entrepot_upstream_request_duration_seconds',
  'Time from a request to an upstream to the headers of its answer',
  ['method'],
);

export const upstreamAnswers = counter(
  'entrepot_upstream_requests_total',
  'Requests to upstreams, by the status of the answer; none: there was no answer',
  ['method', 'code'],
);

export const upstreamLimits = counter(
  'entrepot_upstream_limited_total',
  'Answers of upstreams that refused because they were asked too often (429)',
);

export const leasesLost = counter(
  'entrepot_leases_lost_total',
  'Claims of work that this process lost because their lease could not be renewed in time',
  ['kind'],
);
