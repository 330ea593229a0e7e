import { Controller, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { z } from 'zod';
import { BytesSchema, defineCall } from '#contracts/define-call';
import { RegistryError } from '#oci/registry-error';
import { type Answering, Answers } from './answers.decorator';
import { CallRegistry } from './call-registry';
import { CallServer } from './call-server';
import { Calls } from './calls';
import { HttpCalls } from './http-calls';
import { LinksModule } from './links.module';

const Echo = defineCall('metadata.echo', {
  question: z.object({ text: z.string(), times: z.number().default(1), bytes: BytesSchema.optional() }),
  answer: z.object({ text: z.string(), bytes: BytesSchema.optional() }),
});
const Fail = defineCall('metadata.fail', { question: z.object({ kind: z.string() }), answer: z.object({}) });
const Wait = defineCall('metadata.wait', { question: z.object({}), answer: z.object({}), deadlineMs: 100 });
const Nobody = defineCall('metadata.nobody', { question: z.object({}), answer: z.object({}) });

@Controller()
class EchoController {
  readonly stopped: Promise<void>;
  private stop!: () => void;

  constructor() {
    this.stopped = new Promise((resolve) => {
      this.stop = resolve;
    });
  }

  @Answers(Echo)
  async echo({ text, times, bytes }: z.output<typeof Echo.question>) {
    return { text: text.repeat(times), bytes };
  }

  @Answers(Fail)
  async fail({ kind }: { kind: string }): Promise<Record<string, never>> {
    if (kind === 'ours') throw new RegistryError('STALE', 'taken', { detail: { offset: 7 }, retryAfterSeconds: 3 });
    throw new Error('password=hunter2');
  }

  @Answers(Wait)
  async wait(_question: object, { signal }: Answering): Promise<Record<string, never>> {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.stop();
    return {};
  }
}

@Module({ controllers: [EchoController] })
class EchoModule {}

const secret = new Uint8Array(32).fill(7);

interface Bound {
  calls: Calls;
  controller: EchoController;
  close(): Promise<void>;
}

async function inProcess(): Promise<Bound> {
  const app = await Test.createTestingModule({ imports: [LinksModule.inProcess(secret), EchoModule] }).compile();
  app.useLogger(false);
  await app.init();
  return { calls: app.get(Calls), controller: app.get(EchoController), close: () => app.close() };
}

async function overHttp(): Promise<Bound> {
  const { app, server, url } = await served();
  const calls = new HttpCalls({ metadata: url, blobs: url, fetcher: url, gc: url }, secret);
  const close = async () => {
    calls.close();
    await server.close();
    await app.close();
  };
  return { calls, controller: app.get(EchoController), close };
}

async function served() {
  const app = await Test.createTestingModule({ imports: [LinksModule.inProcess(secret), EchoModule] }).compile();
  app.useLogger(false);
  await app.init();
  const server = new CallServer(app.get(CallRegistry), secret);
  const url = `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  return { app, server, url };
}

describe.each([
  ['in process', inProcess],
  ['over HTTP', overHttp],
])('a call %s', (_name, bind) => {
  let bound: Bound;
  beforeAll(async () => {
    bound = await bind();
  });
  afterAll(() => bound.close());

  test('carries question and answer through their schemas, defaults included', async () => {
    await expect(bound.calls.ask(Echo, { text: 'ab' })).resolves.toEqual({ text: 'ab' });
  });

  test('carries bytes untouched beside the JSON', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
    const answer = await bound.calls.ask(Echo, { text: 'ü', times: 2, bytes });
    expect(answer.text).toBe('üü');
    expect(Buffer.compare(answer.bytes!, bytes)).toBe(0);
  });

  test('carries no bytes and empty bytes as two different things', async () => {
    expect((await bound.calls.ask(Echo, { text: 'a', bytes: new Uint8Array() })).bytes).toHaveLength(0);
    expect((await bound.calls.ask(Echo, { text: 'a' })).bytes).toBeUndefined();
  });

  test('throws the error of the other side, whole', async () => {
    await expect(bound.calls.ask(Fail, { kind: 'ours' })).rejects.toMatchObject({
      code: 'STALE',
      message: 'taken',
      detail: { offset: 7 },
      retryAfterSeconds: 3,
    });
  });

  test('says nothing of an error that is not ours', async () => {
    const error = (await bound.calls.ask(Fail, { kind: 'other' }).catch((thrown) => thrown)) as RegistryError;
    expect(error).toMatchObject({ code: 'INTERNAL' });
    expect(error.message).not.toContain('hunter2');
  });

  test('ends at its deadline, and tells the other side to stop', async () => {
    await expect(bound.calls.ask(Wait, {})).rejects.toMatchObject({ code: 'TIMEOUT' });
    await bound.controller.stopped;
  });

  test('ends when its caller gives up', async () => {
    await expect(bound.calls.ask(Wait, {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });

  test('that nobody answers is UNAVAILABLE', async () => {
    await expect(bound.calls.ask(Nobody, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('over HTTP', () => {
  test('nothing is answered without the secret', async () => {
    const { app, server, url } = await served();
    const stranger = new HttpCalls({ metadata: url, blobs: url, fetcher: url, gc: url }, new Uint8Array(32));
    await expect(stranger.ask(Echo, { text: 'a' })).rejects.toMatchObject({ code: 'DENIED' });
    stranger.close();
    await server.close();
    await app.close();
  });

  test('a service that is away is UNAVAILABLE, never a wrong answer', async () => {
    const { app, server, url } = await served();
    await server.close();
    const calls = new HttpCalls({ metadata: url, blobs: url, fetcher: url, gc: url }, secret);
    await expect(calls.ask(Echo, { text: 'a' })).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterSeconds: 1 });
    calls.close();
    await app.close();
  });
});
