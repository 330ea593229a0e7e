import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { OtherFraming } from '#calls/get-connection';
import { GetConnections } from '#calls/get-connections';
import { S3Answer } from './s3-answer';
import { StoreBusy } from './store-busy';

/** Answers that the client turns into an error without reading them: their connection would be held for ever. */
const THROWN_AWAY = new Set([408, 429, 499, 500, 502, 503, 504, 520]);
/** Slow readers hold a connection each. */
const CONNECTIONS = 1024;
/** Each of them and its answer buffer so much; with more no read is faster, and slow readers cost more. */
export const CONNECTION_BYTES = 256 * 1024;

/** A store that asks for more is asked again sooner: some say a minute when they need a second. */
const LONGEST_REST_S = 60;

/** What goes for the requests of one attempt. */
interface Attempt {
  readonly signal: AbortSignal | undefined;
  /** It asks for bytes of a key, which `S3Answer` brings. */
  readonly reads: boolean;
  /** For how long the store wants to be left alone, in seconds. */
  restSeconds: number;
}

/** What the S3 client sends with: connections of its own, which end when nobody wants them or no byte moves. */
export class S3Transport {
  readonly agent: http.Agent;
  private readonly gets = new GetConnections(CONNECTIONS);
  private readonly attempts = new AsyncLocalStorage<Attempt>();

  constructor(
    private readonly useSSL: boolean,
    private readonly timeoutMs: number,
  ) {
    const buffered = { highWaterMark: CONNECTION_BYTES };
    const connections = { keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: 64, ...buffered };
    this.agent = useSSL ? new https.Agent(connections) : new http.Agent(connections);
  }

  /** Requests that `send` makes are given up with the signal. Throws StoreBusy where the store says how long it rests. */
  during<T>(signal: AbortSignal | undefined, send: () => Promise<T>): Promise<T> {
    return this.attempt({ signal, reads: false, restSeconds: 0 }, send);
  }

  /** The same for a GET of bytes: without TLS the answer is an S3Answer, unless its length is told in another way. */
  reading<T>(signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    return this.attempt({ signal, reads: !this.useSSL, restSeconds: 0 }, send);
  }

  close(): void {
    this.agent.destroy();
    this.gets.close();
  }

  private async attempt<T>(attempt: Attempt, send: () => Promise<T>): Promise<T> {
    try {
      return await this.attempts.run(attempt, send);
    } catch (error) {
      throw attempt.restSeconds > 0 ? new StoreBusy(attempt.restSeconds, error) : error;
    }
  }

  request(options: https.RequestOptions, answer: (response: IncomingMessage) => void): http.ClientRequest {
    const attempt = this.attempts.getStore();
    return attempt?.reads ? this.read(options, attempt, answer) : this.send(options, attempt, answer);
  }

  private read(
    options: https.RequestOptions,
    attempt: Attempt,
    answer: (response: IncomingMessage) => void,
  ): http.ClientRequest {
    const { host, port, path, headers } = options;
    const asked = { host: host!, port: Number(port ?? 80), path: path!, headers: headers as Record<string, string> };
    const sent = new EventEmitter();
    const fail = (error: Error) => {
      if (!(error instanceof OtherFraming)) return void sent.emit('error', error);
      const again = this.send(options, attempt, answer);
      again.on('error', (fault) => sent.emit('error', fault)).end();
    };
    const end = () => {
      this.gets
        .get(asked, { silenceMs: this.timeoutMs, ...(attempt.signal ? { signal: attempt.signal } : {}) })
        .then((got) => answer(heard(new S3Answer(got) as never, attempt)))
        .catch(fail);
    };
    return Object.assign(sent, { end }) as unknown as http.ClientRequest;
  }

  private send(
    options: https.RequestOptions,
    attempt: Attempt | undefined,
    answer: (response: IncomingMessage) => void,
  ): http.ClientRequest {
    const send = this.useSSL ? https.request : http.request;
    const sent = send(options, (response) => answer(heard(response, attempt)));
    sent.setTimeout(this.timeoutMs, () => sent.destroy(new Error('the store does not answer')));
    if (attempt?.signal) hangUpOn(attempt.signal, sent);
    return sent;
  }
}

function heard(response: IncomingMessage, attempt: Attempt | undefined): IncomingMessage {
  // It may be given up before anybody has it.
  response.on('error', () => {});
  if (THROWN_AWAY.has(response.statusCode ?? 0)) response.resume();
  if (attempt && response.statusCode === 503) attempt.restSeconds = restOf(response);
  return response;
}

/** In seconds; a date is nothing that stores send. */
function restOf({ headers }: IncomingMessage): number {
  const seconds = Number(headers['retry-after']);
  return seconds > 0 ? Math.min(Math.ceil(seconds), LONGEST_REST_S) : 0;
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
