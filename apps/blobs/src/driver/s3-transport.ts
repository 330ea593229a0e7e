import { AsyncLocalStorage } from 'node:async_hooks';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';

/** Answers that the client turns into an error without reading them: their connection would be held for ever. */
const THROWN_AWAY = new Set([408, 429, 499, 500, 502, 503, 504, 520]);
/** Slow readers hold a connection each. */
const CONNECTIONS = 1024;
/** Each of them and its answer buffer so much; with more no read is faster, and slow readers cost more. */
export const CONNECTION_BYTES = 256 * 1024;

/** What the S3 client sends with: connections of its own, which end when nobody wants them or no byte moves. */
export class S3Transport {
  readonly agent: http.Agent;
  private readonly wanted = new AsyncLocalStorage<AbortSignal | undefined>();

  constructor(
    private readonly useSSL: boolean,
    private readonly timeoutMs: number,
  ) {
    const buffered = { highWaterMark: CONNECTION_BYTES };
    const connections = { keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: 64, ...buffered };
    this.agent = useSSL ? new https.Agent(connections) : new http.Agent(connections);
  }

  /** Requests that `send` makes are given up with the signal. */
  during<T>(signal: AbortSignal | undefined, send: () => Promise<T>): Promise<T> {
    return this.wanted.run(signal, send);
  }

  request(options: https.RequestOptions, answer: (response: IncomingMessage) => void): http.ClientRequest {
    const signal = this.wanted.getStore();
    const send = this.useSSL ? https.request : http.request;
    const sent = send(options, (response) => {
      // It may be given up before anybody has it.
      response.on('error', () => {});
      if (THROWN_AWAY.has(response.statusCode ?? 0)) response.resume();
      answer(response);
    });
    sent.setTimeout(this.timeoutMs, () => sent.destroy(new Error('the store does not answer')));
    if (signal) hangUpOn(signal, sent);
    return sent;
  }
}

/**
 * Without an error, and not by the request's own `signal`: that fails the socket, and where the answer has just ended
 * nobody listens to the socket any more, which ends the process.
 */
function hangUpOn(signal: AbortSignal, sent: http.ClientRequest): void {
  const hangUp = () => sent.destroy();
  signal.addEventListener('abort', hangUp, { once: true });
  sent.once('close', () => signal.removeEventListener('abort', hangUp));
  if (signal.aborted) hangUp();
}
