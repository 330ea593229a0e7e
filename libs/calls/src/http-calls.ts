import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { z } from 'zod';
import type { AnsweringApp, AnswerOf, Call } from '#contracts/define-call';
import { RegistryError } from '#oci/registry-error';
import { belongingHeaders } from '#telemetry/in-work';
import { inSpan } from '#telemetry/tracing';
import { type AskOptions, Calls } from './calls';
import { CAPABILITY_MS, signCapability } from './capability';
import { encodeMessage } from './encode-message';
import { readAnswer } from './read-answer';
import type { ServiceUrls } from './service-urls';
import { withinDeadline } from './within-deadline';

/** The binding between processes: one POST a call, over few connections that stay open. */
export class HttpCalls extends Calls {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  /** The fetcher answers when an upstream does: those who wait for a hanging one hold up nobody else. */
  private readonly patient = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

  constructor(
    private readonly urls: ServiceUrls,
    private readonly secret: Uint8Array,
  ) {
    super();
  }

  override async ask<C extends Call>(
    call: C,
    question: z.input<C['question']>,
    { deadlineMs = call.deadlineMs, signal }: AskOptions = {},
  ): Promise<AnswerOf<C>> {
    const frame = encodeMessage(question as object);
    return inSpan(call.name, { role: 'client' }, async () => {
      const answer = await withinDeadline(call.name, deadlineMs, signal, (stopped) =>
        this.post(call.name, frame, deadlineMs, stopped),
      );
      return readAnswer(call, answer);
    });
  }

  close(): void {
    this.agent.destroy();
    this.patient.destroy();
  }

  /** A kept connection that the other side has just closed is tried once more: every command may be repeated. */
  private async post(name: string, frame: Buffer, deadlineMs: number, signal: AbortSignal): Promise<Buffer> {
    const first = this.send(name, frame, deadlineMs, signal);
    try {
      return await first.answer;
    } catch (error) {
      if (!first.request.reusedSocket || signal.aborted) throw away(name, error);
    }
    return this.send(name, frame, deadlineMs, signal).answer.catch((error: unknown) => {
      throw away(name, error);
    });
  }

  private send(
    name: string,
    frame: Buffer,
    deadlineMs: number,
    signal: AbortSignal,
  ): { request: ClientRequest; answer: Promise<Buffer> } {
    const grant = { method: 'ask', object: name, expires: Date.now() + CAPABILITY_MS } as const;
    const app = name.split('.')[0] as AnsweringApp;
    const sent = request(`${this.urls[app]}/calls/${name}`, {
      method: 'POST',
      agent: app === 'fetcher' ? this.patient : this.agent,
      signal,
      headers: {
        authorization: `Capability ${signCapability(this.secret, grant)}`,
        'content-type': 'application/vnd.entrepot.call',
        'content-length': frame.length,
        'entrepot-deadline-ms': deadlineMs,
        ...belongingHeaders(),
      },
    });
    const answer = new Promise<Buffer>((resolve, reject) => {
      sent.once('error', reject);
      sent.once('response', (response) => readWhole(response).then(resolve, reject));
    });
    sent.end(frame);
    return { request: sent, answer };
  }
}

async function readWhole(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  return Buffer.concat(parts);
}

function away(name: string, cause: unknown): RegistryError {
  const app = name.split('.')[0];
  return new RegistryError('UNAVAILABLE', `the ${app} service does not answer at the moment`, {
    retryAfterSeconds: 1,
    cause,
  });
}
