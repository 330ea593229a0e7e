import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { AnswerOf, Call, QuestionOf } from '#contracts/define-call';
import { internalFault, RegistryError, toErrorEnvelope } from '#oci/registry-error';
import { ANSWERS, type Answering } from './answers.decorator';
import type { BytePlane } from './byte-plane';
import { callFailures, callSeconds } from './call-metrics';
import { decodeMessage, encodeMessage } from './encode-message';
import type { Tails } from './tails';

type Handler = (question: never, asking: Answering) => Promise<object>;

/** What this process answers: every controller method marked `@Answers`, and the byte plane of `blobs`. */
@Injectable()
export class CallRegistry implements OnApplicationBootstrap {
  private readonly log = new Logger('Calls');
  private readonly handlers = new Map<string, { call: Call; handle: Handler }>();
  private plane: BytePlane | undefined;
  private ownTails: Tails | undefined;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  onApplicationBootstrap(): void {
    for (const { instance } of this.discovery.getControllers()) {
      if (instance) this.serveController(instance);
    }
  }

  private serveController(controller: object): void {
    const prototype = Object.getPrototypeOf(controller);
    for (const name of this.scanner.getAllMethodNames(prototype)) {
      const call = Reflect.getMetadata(ANSWERS, prototype[name]) as Call | undefined;
      if (call) this.serve(call, prototype[name].bind(controller));
    }
  }

  /** One handler a call: a second one is a mistake in the wiring. */
  serve<C extends Call>(call: C, handle: (question: QuestionOf<C>, asking: Answering) => Promise<AnswerOf<C>>): void {
    if (this.handlers.has(call.name)) throw new Error(`two handlers answer ${call.name}`);
    this.handlers.set(call.name, { call, handle: handle as Handler });
  }

  serveBytes(plane: BytePlane): void {
    this.plane = plane;
  }

  /** UNAVAILABLE where `blobs` is not in this process. */
  get bytes(): BytePlane {
    if (!this.plane) throw new RegistryError('UNAVAILABLE', 'the bytes are not served by this process');
    return this.plane;
  }

  serveTails(tails: Tails): void {
    this.ownTails = tails;
  }

  /** UNAVAILABLE where `blobs` is not in this process. */
  get tails(): Tails {
    if (!this.ownTails) throw new RegistryError('UNAVAILABLE', 'nothing is written in this process');
    return this.ownTails;
  }

  /** The name of a call that is answered here, or what stands for any other: whoever asks may say anything. */
  nameOf(name: string): string {
    return this.handlers.has(name) ? name : 'unknown call';
  }

  /** Answers one frame with one frame; never throws: an error is an answer. */
  async answer(name: string, frame: Buffer, signal: AbortSignal): Promise<Buffer> {
    const began = performance.now();
    try {
      return encodeMessage(await this.handle(name, frame, signal));
    } catch (error) {
      if (!(error instanceof RegistryError)) this.log.error(`${name}: ${describe(error)}`);
      const envelope = toErrorEnvelope(error);
      if (this.handlers.has(name)) callFailures.inc({ call: name, code: envelope.code });
      return encodeMessage({ error: envelope });
    } finally {
      if (this.handlers.has(name)) callSeconds.observe({ call: name }, (performance.now() - began) / 1000);
    }
  }

  private async handle(name: string, frame: Buffer, signal: AbortSignal): Promise<object> {
    const handler = this.handlers.get(name);
    if (!handler) throw new RegistryError('UNAVAILABLE', `nobody here answers ${name}`, { retryAfterSeconds: 1 });
    const question = handler.call.question.safeParse(decodeMessage(frame));
    if (!question.success) throw internalFault(question.error);
    const { bytes, ...answer } = (await handler.handle(question.data as never, { signal })) as { bytes?: Uint8Array };
    return { answer, ...(bytes ? { bytes } : {}) };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
