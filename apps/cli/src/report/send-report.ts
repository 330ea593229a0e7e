import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type ContainerReportBody, ContainerReportOutcomeSchema } from '#contracts/bodies/container-report';
import { HttpPeer, PeerFault } from './http-peer';

const AnswerSchema = z.object({
  outcome: ContainerReportOutcomeSchema.nullable(),
  error: z.object({ message: z.string(), detail: z.record(z.string(), z.unknown()).optional() }).nullable(),
});

export type ReportOutcome = z.output<typeof ContainerReportOutcomeSchema>;
export type SendReport = (body: ContainerReportBody, signal?: AbortSignal) => Promise<ReportOutcome>;

/** Reports by the REST API of the Entrepot at an address. Throws PeerFault. */
export function sendReportsTo(base: URL): SendReport {
  const isTls = base.protocol === 'https:';
  const options = {
    host: base.hostname.replace(/^\[|\]$/g, ''),
    port: base.port || (isTls ? 443 : 80),
    path: base.pathname.replace(/\/$/, ''),
  };
  const entrepot = new HttpPeer(`Entrepot at ${base.origin}`, async () => ({ isTls, options }));
  return async (body, signal) => {
    const { outcome, error } = await entrepot.json(AnswerSchema, '/api/v1/operations', {
      ...{ method: 'POST', body: { kind: 'container-report', ...body }, signal },
      headers: { 'Idempotency-Key': randomUUID() },
    });
    if (outcome) return outcome;
    throw new PeerFault(
      `Entrepot at ${base.origin} did not take the report: ${error?.message ?? 'it is not done yet'}`,
      409,
      error?.detail,
    );
  };
}
