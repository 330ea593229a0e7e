import { once } from 'node:events';
import { join } from 'node:path';
import { otherProcess } from '#testing/other-process';
import { TraceReceiver } from '#testing/trace-receiver';
import { inSpan, isTracing, startTracing } from './tracing';

const traceId = 'a'.repeat(32);
const traceparent = `00-${traceId}-${'b'.repeat(16)}-01`;

test.each([
  {},
  { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_SDK_DISABLED: 'true' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_TRACES_EXPORTER: 'none' },
])('nothing is recorded, and no library of it loaded, with %j', async (env) => {
  const stop = await startTracing('test', env);
  expect(isTracing()).toBe(false);
  expect(Object.keys(require.cache).filter((file) => file.includes('@opentelemetry'))).toEqual([]);
  expect(await inSpan('x', { begins: true }, async (span) => span)).toBeUndefined();
  await stop();
});

describe('with an endpoint', () => {
  let receiver: TraceReceiver;
  beforeAll(async () => {
    receiver = await TraceReceiver.start();
  });
  afterAll(() => receiver.stop());

  it('a span belongs to the one around it, in this process and the next', async () => {
    // A process of its own: the exporter loads what it sends with in a way that a test's own process does not allow.
    const child = otherProcess(
      join(__dirname, 'tracing.ts'),
      `
      process.env.OTEL_EXPORTER_OTLP_ENDPOINT = ${JSON.stringify(receiver.url)};
      const { inAnswer, inWork } = require('#telemetry/in-work');
      const { traceHeader } = require('#telemetry/doing');
      const traceparent = '${traceparent}';
      (async () => {
        const stop = await its.startTracing('entrepot-test');
        let sent;
        await inWork('pull', { operation: 'o1', traceparent }, () =>
          its.inSpan('ask', { role: 'client' }, async () => { sent = traceHeader(); }));
        await inAnswer('answer', { traceparent: sent }, async () => {});
        const gone = Object.assign(new Error('no'), { code: 'GONE' });
        await inAnswer('fail', { traceparent }, () => Promise.reject(gone)).catch(() => {});
        // What belongs to nothing is not recorded, but where it begins a trace.
        if (its.openSpan('nobody') !== undefined) process.exit(3);
        await inWork('alone', {}, async () => {});
        its.openSpan('request', { begins: 'c'.repeat(32) }).end();
        await stop();
        process.exit(its.isTracing() ? 4 : 0);
      })();
      `,
    );
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(receiver.spans).toHaveLength(6);
    const named = Object.fromEntries(receiver.spans.map((span) => [span.name, span]));
    expect(named.pull).toMatchObject({ traceId, parentSpanId: 'b'.repeat(16), kind: 5, service: 'entrepot-test' });
    expect(named.pull!.attributes).toMatchObject({ 'entrepot.operation': 'o1' });
    expect(named.ask).toMatchObject({ traceId, parentSpanId: named.pull!.spanId, kind: 3 });
    expect(named.answer).toMatchObject({ traceId, parentSpanId: named.ask!.spanId, kind: 2 });
    expect(named.fail!.attributes).toEqual({ 'error.type': 'GONE' });
    expect(named.alone!.traceId).not.toBe(traceId);
    expect(named.alone!.parentSpanId ?? '').toBe('');
    expect(named.request!.traceId).toBe('c'.repeat(32));
  }, 60_000);
});
