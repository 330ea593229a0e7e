import { counter, histogram } from '#telemetry/metrics';

export const callSeconds = histogram(
  'entrepot_call_duration_seconds',
  'Time to answer a call of another service, by the name of the call',
  ['call'],
  [0.001, 0.01, 0.1, 1, 10],
);

export const callFailures = counter(
  'entrepot_call_failures_total',
  'Calls of other services that were answered with an error, by the name of the call and the code of the error',
  ['call', 'code'],
);
