import { lookup as lookupAddresses } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, type Dispatcher, request } from 'undici';
import { BUFFER_BYTES } from '#calls/byte-plane';
import { inSpan } from '#telemetry/tracing';
import { upstreamAnswers, upstreamLimits, upstreamSeconds } from '../fetcher-metrics';
import { bareHost, isReachable, RefusedAddress } from './address-rule';
import { chooseRedirect, isRedirect } from './choose-redirect';
import { explainFailure } from './explain-failure';
import { addressRefused, reachOf, type Upstream } from './upstreams';

export interface UpstreamRequest {
  readonly method: 'HEAD' | 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** The Authorization header: goes to the origin of `url` and nowhere else. */
  readonly authorization?: string | undefined;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface UpstreamAnswer {
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  header(name: string): string | undefined;
  readonly body: Dispatcher.ResponseData['body'];
}

/** All times in milliseconds. */
export interface UpstreamTimes {
  readonly connect: number;
  readonly headers: number;
  /** The longest silence in a body. */
  readonly stall: number;
}

/** HTTP to upstreams: keep-alive, a bounded number of connections, every address judged where it is connected to. */
export class UpstreamClient {
  private readonly agents = new Map<string, Agent>();

  constructor(
    private readonly times: UpstreamTimes,
    private readonly connections: number,
  ) {}

  /**
   * Sends a request and follows where it is sent, five times at most; a POST is never sent on. Every status is an
   * answer; the caller reads or discards its body. Throws RegistryError: UNAVAILABLE, UPSTREAM, DENIED, CANCELLED.
   */
  async send(upstream: Upstream, asked: UpstreamRequest): Promise<UpstreamAnswer> {
    const seen = [asked.url];
    let answer = await this.sendOnce(upstream, asked, asked.url);
    while (isRedirect(answer.status) && asked.method !== 'POST') {
      void discard(answer);
      const next = chooseRedirect(upstream, seen, answer.header('location'));
      seen.push(next);
      answer = await this.sendOnce(upstream, asked, next);
    }
    return answer;
  }

  async close(): Promise<void> {
    await Promise.all([...this.agents.values()].map((agent) => agent.destroy()));
    this.agents.clear();
  }

  private sendOnce(upstream: Upstream, asked: UpstreamRequest, url: URL): Promise<UpstreamAnswer> {
    const attributes = { 'http.request.method': asked.method, 'server.address': url.hostname };
    return inSpan(`upstream ${asked.method}`, { role: 'client', attributes }, async (span) => {
      const answer = await this.request(upstream, asked, url);
      span?.set({ 'http.response.status_code': answer.status });
      return answer;
    });
  }

  private async request(upstream: Upstream, asked: UpstreamRequest, url: URL): Promise<UpstreamAnswer> {
    refuseAddress(upstream, url);
    const isAsked = url.origin === asked.url.origin;
    const authorization = isAsked && asked.authorization !== undefined ? { authorization: asked.authorization } : {};
    const began = performance.now();
    const { method } = asked;
    try {
      const { statusCode, headers, body } = await request(url, {
        dispatcher: this.agentFor(upstream, url),
        method,
        // Without this a HEAD costs its connection, and the GET that follows it another handshake.
        reset: false,
        headers: { 'accept-encoding': 'identity', 'user-agent': 'entrepot', ...asked.headers, ...authorization },
        signal: asked.signal,
        highWaterMark: BUFFER_BYTES,
        ...(asked.body === undefined ? {} : { body: asked.body }),
      });
      body.on('error', () => {});
      countAnswer(method, statusCode, performance.now() - began);
      return { status: statusCode, url, body, header: (name) => one(headers[name]) };
    } catch (error) {
      upstreamAnswers.inc({ method, code: 'none' });
      throw explainFailure(upstream, error, asked.signal);
    }
  }

  /** What is not configured shares its agents: any caller may name any number of hosts. */
  private agentFor(upstream: Upstream, url: URL): Agent {
    const isHome = url.origin === upstream.origin;
    const shared = upstream.mayLoop ? 'loopback' : 'open';
    const key = upstream.isConfigured ? `${isHome ? 'home' : 'away'} ${upstream.domain}` : shared;
    const agent = this.agents.get(key) ?? this.makeAgent(upstream, isHome);
    this.agents.set(key, agent);
    return agent;
  }

  private makeAgent(upstream: Upstream, isHome: boolean): Agent {
    const { ca, cert, key } = upstream.tls;
    const trust = ca === undefined ? {} : { ca };
    const identity = isHome && cert !== undefined && key !== undefined ? { cert, key } : {};
    return new Agent({
      connections: this.connections,
      headersTimeout: this.times.headers,
      bodyTimeout: this.times.stall,
      connect: { ...trust, ...identity, timeout: this.times.connect, lookup: reachableLookup(upstream) },
    });
  }
}

function countAnswer(method: string, code: number, ms: number): void {
  upstreamAnswers.inc({ method, code });
  upstreamSeconds.observe({ method }, ms / 1000);
  if (code === 429) upstreamLimits.inc();
}

/** Reads a little, so that the connection can be used again, or else drops it. */
export async function discard(answer: UpstreamAnswer): Promise<void> {
  await answer.body.dump({ limit: 16 * 1024, signal: AbortSignal.timeout(2_000) }).catch(() => {});
}

/** An address that stands in the URL itself is asked of no name server. */
function refuseAddress(upstream: Upstream, url: URL): void {
  const host = bareHost(url.hostname);
  if (isIP(host) !== 0 && !isReachable(host, reachOf(upstream, host))) throw addressRefused(upstream, host);
}

/**
 * Answers a name's reachable addresses only: what is judged is what is then connected to, whatever a name server says
 * next. A refusal names no upstream: those that share an agent are judged alike, and each is told of itself.
 */
function reachableLookup(upstream: Upstream): LookupFunction {
  return (hostname, options, callback) =>
    lookupAddresses(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0);
      const reachable = found.filter(({ address }) => isReachable(address, reachOf(upstream, hostname)));
      const [first] = reachable;
      if (first === undefined) return callback(new RefusedAddress(hostname), '', 0);
      return options.all ? callback(null, reachable) : callback(null, first.address, first.family);
    });
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
