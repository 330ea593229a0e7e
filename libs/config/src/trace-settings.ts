import { z } from 'zod';

/** OpenTelemetry's own variable, for whoever sends traces; its libraries read the others that it has. */
export const TRACE_SETTINGS = {
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'must be an address such as http://host:4318' })
    .optional()
    .describe(
      'where traces are sent by OTLP over HTTP, such as http://host:4318; none are made without it. The other variables of OpenTelemetry apply too (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, …)',
    ),
};
