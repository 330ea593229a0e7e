import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { DockerRegistry } from '#testing/docker-registry';
import { eventually } from '#testing/eventually';
import { FiveServices, SERVICES } from '#testing/five-services';
import { HOUSE } from '#testing/house';
import { NatsWire } from '#testing/nats-wire';
import { describeWithPeers } from '#testing/peers';
import { type ReceivedSpan, TraceReceiver } from '#testing/trace-receiver';
import { dashboardQueries, metricsIn, ruleQueries, unknownMetrics } from './watching/metric-names';

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

describeWithPeers('five services, as whoever watches them sees them', ['docker-registry', 'skopeo'], () => {
  let upstream: DockerRegistry;
  let receiver: TraceReceiver;
  let services: FiveServices;

  beforeAll(async () => {
    [upstream, receiver] = await Promise.all([DockerRegistry.start(), TraceReceiver.start()]);
    services = await FiveServices.start({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '200',
      ENTREPOT_DRAIN_NOTICE_MS: '1500',
    });
    await upstream.push('library/quick:1');
    await upstream.push('library/multi:1');
  }, 120_000);

  afterAll(async () => {
    await Promise.all([services?.stop(), upstream?.stop(), receiver?.stop()]);
  }, 60_000);

  /** The spans of a trace, once it has one of each of these names from each of these services. */
  const traced = (traceId: string, wanted: readonly string[]): Promise<ReceivedSpan[]> =>
    eventually(
      `a trace with ${wanted.join(', ')}`,
      async () => {
        const spans = receiver.of(traceId);
        const there = new Set(spans.map(({ service, name }) => `${service.replace('entrepot-', '')}: ${name}`));
        return wanted.every((each) => there.has(each)) && spans;
      },
      { withinMs: 30_000 },
    );

  /** Every span but the outermost belongs to another one of its trace, once that has ended too: nothing was lost on the way. */
  async function expectWhole(traceId: string, outermost: string): Promise<ReceivedSpan[]> {
    return eventually('a trace without gaps', async () => {
      const spans = receiver.of(traceId);
      const ids = new Set([outermost, ...spans.map(({ spanId }) => spanId)]);
      const orphans = spans.filter(({ parentSpanId = '' }) => !ids.has(parentSpanId));
      if (orphans.length > 0) throw new Error(orphans.map(({ service, name }) => `${service}: ${name}`).join(', '));
      return spans;
    });
  }

  const childrenOf = (spans: readonly ReceivedSpan[], parent: ReceivedSpan) =>
    spans
      .filter(({ parentSpanId }) => parentSpanId === parent.spanId)
      .map(({ service, name }) => `${service}: ${name}`);

  it('a pull by message is one trace, from its message to the bytes in the store', async () => {
    const [traceId, parent] = [hex(16), hex(8)];
    const wire = await NatsWire.connect(services.natsUrl);
    const reference = `${upstream.host}/library/multi:1`;
    const headers = { traceparent: `00-${traceId}-${parent}-01` };
    await wire.publishWith(headers, 'entrepot.request.pull', JSON.stringify({ reference }));
    wire.close();
    await traced(traceId, [
      'metadata: receive ENTREPOT_REQUESTS',
      'metadata: postgres metadata.accept-operation',
      'fetcher: pull',
      'fetcher: upstream GET',
      'metadata: metadata.commit-manifest',
      'fetcher: fill',
      'fetcher: blobs.append-session',
      'blobs: blobs.append-session',
      'blobs: storage write',
      'blobs: blobs.finish-upload',
      'metadata: metadata.complete-pull',
    ]);
    const spans = await expectWhole(traceId, parent);
    const receive = spans.find(({ name }) => name === 'receive ENTREPOT_REQUESTS')!;
    expect(receive.parentSpanId).toBe(parent);
    const accept = spans.find(({ name }) => name === 'postgres metadata.accept-operation')!;
    expect(accept.parentSpanId).toBe(receive.spanId);
    expect(childrenOf(spans, accept)).toContain('entrepot-fetcher: pull');
    const fill = spans.find(({ name }) => name === 'fill')!;
    expect(childrenOf(spans, fill)).toEqual(
      expect.arrayContaining(['entrepot-fetcher: upstream GET', 'entrepot-fetcher: blobs.append-session']),
    );
    const operation = spans.find(({ name }) => name === 'pull')!.attributes['entrepot.operation'] as string;
    expect((await services.ask('GET', `/api/v1/operations/${operation}`)).json).toMatchObject({ id: operation });
  }, 60_000);

  it('a pull by a client of what is not here is one trace, and each answer names it', async () => {
    const [traceId, parent] = [hex(16), hex(8)];
    const headers = {
      traceparent: `00-${traceId}-${parent}-01`,
      accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json',
    };
    const repository = `/v2/${upstream.host.replace(':', '_')}/library/quick`;
    const manifest = await services.ask('GET', `${repository}/manifests/1`, undefined, headers);
    expect(manifest.status).toBe(200);
    expect(manifest.headers.get('x-request-id')).toBe(traceId);
    const { config } = manifest.json as { config: { digest: string } };
    const blob = await services.ask('GET', `${repository}/blobs/${config.digest}`, undefined, headers);
    expect(blob.status).toBe(200);
    await traced(traceId, [
      'gateway: GET /v2/manifests',
      'gateway: fetcher.fetch-manifest',
      'fetcher: fetcher.fetch-manifest',
      'fetcher: upstream GET',
      'metadata: metadata.commit-manifest',
      'fetcher: fill',
      'blobs: storage write',
      'gateway: GET /v2/blobs',
      'blobs: blobs.read-object',
    ]);
    const spans = await expectWhole(traceId, parent);
    const asked = spans.filter(
      ({ name, service }) => name === 'fetcher.fetch-manifest' && service === 'entrepot-gateway',
    );
    expect(childrenOf(spans, asked[0]!)).toContain('entrepot-fetcher: fetcher.fetch-manifest');
  }, 60_000);

  it('a request without a trace is named all the same, and one that is named keeps its name', async () => {
    const nameless = await services.ask('GET', '/api/v1/images');
    expect(nameless.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
    await traced(nameless.headers.get('x-request-id')!, ['gateway: GET /api/v1/images']);
    const named = await services.ask('GET', '/v2/', undefined, { 'x-request-id': 'build-7' });
    expect(named.headers.get('x-request-id')).toBe('build-7');
  }, 60_000);

  it('each process says by itself whether it can work, and shows its figures, which the dashboard and the alerts use', async () => {
    const texts = await Promise.all(
      SERVICES.map(async (name) => {
        const url = services.addressOf(name);
        expect((await fetch(`${url}/livez`)).status).toBe(200);
        const ready = await fetch(`${url}/readyz`);
        expect({ name, status: ready.status, body: await ready.json() }).toMatchObject({
          status: 200,
          body: { status: 'ready', bus: expect.stringMatching(/^ok, nats-server /) },
        });
        return (await fetch(`${url}/metrics`)).text();
      }),
    );
    const shown = new Set(texts.flatMap((text) => [...metricsIn(text)]));
    const dashboard = JSON.parse(readFileSync(join(HOUSE, 'deploy/grafana/entrepot.json'), 'utf8'));
    const rules = parse(readFileSync(join(HOUSE, 'deploy/prometheus/alerts.yml'), 'utf8'));
    expect(unknownMetrics([...dashboardQueries(dashboard), ...ruleQueries(rules)], shown)).toEqual([]);
    const all = texts.join('\n');
    for (const figure of [
      /^registry_http_requests_total\{method="GET",route="\/v2\/manifests",code="200"\} [1-9]/m,
      /^registry_proxy_misses_total\{type="manifest"\} [1-9]/m,
      /^entrepot_fills_total\{outcome="completed"\} [1-9]/m,
      /^registry_proxy_pulled_bytes_total\{type="blob"\} [1-9]/m,
      /^registry_storage_action_seconds_count\{driver="folder",action="write"\} [1-9]/m,
      /^entrepot_messages_total\{stream="ENTREPOT_REQUESTS",outcome="acknowledged"\} 1$/m,
      /^entrepot_facts_published_total\{fact="operation.completed"\} 1$/m,
      /^entrepot_consumer_pending_messages\{stream="ENTREPOT_REQUESTS",consumer="[\w-]+"\} 0$/m,
      /^entrepot_dead_letters 0$/m,
      /^entrepot_scrape_source_up\{source="database"\} 1$/m,
      /^entrepot_bus_connected 1$/m,
      /^process_resident_memory_bytes [1-9]/m,
      /^nodejs_eventloop_lag_p99_seconds /m,
    ])
      expect(all).toMatch(figure);
    expect(all).not.toContain('library/');
    expect(all).not.toContain('sha256:');
  }, 60_000);

  it('a pull that fails is told of on a line of JSON, with its operation and its trace', async () => {
    const traceId = hex(16);
    const headers = { traceparent: `00-${traceId}-${hex(8)}-01` };
    const body = { kind: 'pull', reference: `${upstream.host}/library/none:1` };
    const asked = await services.ask('POST', '/api/v1/operations', body, headers);
    const { id } = asked.json as { id: string };
    const line = await eventually('the line', async () =>
      services
        .logOf('fetcher')
        .split('\n')
        .find((each) => each.includes(id)),
    );
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      service: 'fetcher',
      operation: id,
      trace: traceId,
      message: expect.stringContaining('library/none'),
    });
    const lines = SERVICES.flatMap((name) => services.logOf(name).split('\n').filter(Boolean));
    for (const each of lines)
      expect(JSON.parse(each)).toMatchObject({ time: expect.any(String), replica: expect.any(String) });
  }, 60_000);

  it('one that ends says first that it is not ready, and answers until then', async () => {
    const url = services.addressOf('blobs');
    const ended = services.end('blobs');
    const draining = await eventually('draining', async () => {
      const answer = await fetch(`${url}/readyz`);
      return answer.status === 503 && ((await answer.json()) as { status: string });
    });
    expect(draining.status).toBe('draining');
    expect(await ended).toBe(0);
    expect(services.logOf('blobs')).toContain('draining: it takes nothing more');
  }, 60_000);
});
