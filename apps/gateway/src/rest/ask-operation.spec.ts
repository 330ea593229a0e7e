import { AcceptOperation } from '#contracts/calls/operations';
import { ANONYMOUS } from '#contracts/principal';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const id = '0192f0c1-7c00-7000-8000-0000000000aa';
const refused = {
  id: '0192f0c1-7c00-7000-8000-0000000000bb',
  principal: ANONYMOUS,
  requestId: 'k',
  kind: 'restore' as const,
  body: {},
  state: 'failed' as const,
  attempts: 0,
  acceptedAt: '2026-01-01T00:00:00.000Z',
  startedAt: null,
  endedAt: '2026-01-01T00:00:00.000Z',
  nextAttemptAt: null,
  image: null,
  bytesDone: 0,
  bytesTotal: 0,
  layers: [],
  error: { code: 'NOT_FOUND', message: 'that is not here' },
  outcome: null,
};

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
  gateway.calls.on(AcceptOperation, () => ({ operation: refused, created: false }));
});
afterAll(() => gateway.stop());

test.each([
  ['POST', `trash/${id}/restore`, null],
  ['POST', 'prune', { dryRun: true }],
  ['POST', 'prune', {}],
  ['POST', `plans/${id}/apply`, null],
  ['DELETE', 'images?reference=node:22', null],
  ['POST', 'containers', { image: 'node:22' }],
])(
  '%s %s %j under the key of what a message asked for and was refused is refused as well',
  async (method, path, body: object | null) => {
    const headers = { 'Idempotency-Key': 'k', ...(body ? { 'Content-Type': 'application/json' } : {}) };
    const sent = body ? { body: JSON.stringify(body) } : {};
    const { status, text } = await askRaw(gateway.port, `/api/v1/${path}`, { method, headers, ...sent });
    expect({ status, problem: JSON.parse(text) }).toMatchObject({
      status: 404,
      problem: { detail: 'that is not here' },
    });
  },
);
