import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { LARGEST_CONFIG, RecordConfigs, TakeConfigs } from '#contracts/calls/configs';
import { ImageCompleted } from '#contracts/facts';
import type { Bus } from '#messaging/bus';
import { digestOf } from '#oci/digest';
import { blobUnknown } from '#oci/registry-error';
import { FakeCalls } from '#testing/fake-calls';
import { MemoryBus } from '#testing/memory-bus';
import { waitUntil } from '#testing/wait-until';
import type { BlobsConfig } from '../blobs.config';
import type { ObjectReader } from '../read/object-reader';
import { ReadConfigsHandler } from './read-configs.handler';

const DAY_MS = 86_400_000;
const config = (n: number, size?: number) => ({
  manifest: digestOf(Buffer.from(String(n))),
  object: randomUUID(),
  size: size ?? 100,
});

describe('configs of images that came', () => {
  let calls: FakeCalls;
  let bus: MemoryBus;
  let handler: ReadConfigsHandler;
  let waiting: ReturnType<typeof config>[];
  let texts: Map<string, string>;

  beforeEach(() => {
    waiting = [];
    texts = new Map();
    bus = new MemoryBus();
    calls = new FakeCalls()
      .on(TakeConfigs, ({ limit }) => ({ configs: waiting.splice(0, limit), nextInMs: null }))
      .on(RecordConfigs, () => ({}));
    const reader = {
      async read(object: string) {
        const text = texts.get(object);
        if (text === undefined) throw blobUnknown(object);
        return { size: text.length, verified: true, stream: Readable.from([Buffer.from(text)]) };
      },
    };
    handler = new ReadConfigsHandler(
      reader as unknown as ObjectReader,
      calls,
      bus as unknown as Bus,
      {
        ENTREPOT_CONFIG_SWEEP_MS: DAY_MS,
      } as BlobsConfig,
    );
  });
  afterEach(() => handler.onModuleDestroy());

  const put = (text: string, size?: number) => {
    const each = config(texts.size, size);
    waiting.push(each);
    texts.set(each.object, text);
    return each;
  };
  const recorded = () => calls.questions(RecordConfigs).flatMap(({ configs }) => configs);
  const looks = () => calls.questions(TakeConfigs).length;

  it('are read, and what they say is told', async () => {
    const text = { os: 'linux', architecture: 'amd64', config: { Labels: { team: 'red' } } };
    const { manifest } = put(JSON.stringify(text));
    handler.onApplicationBootstrap();
    await waitUntil('it is told', () => recorded().length > 0);
    expect(recorded()).toEqual([
      { manifest, platform: { os: 'linux', architecture: 'amd64' }, labels: { team: 'red' }, created: null },
    ]);
  });

  it('that say nothing, or too much, are told as that, and not read again and again', async () => {
    put('not JSON');
    put('{}', LARGEST_CONFIG + 1);
    handler.onApplicationBootstrap();
    await waitUntil('they are told', () => recorded().length === 2);
    for (const each of recorded()) expect(each).toMatchObject({ platform: null, labels: {}, created: null });
  });

  it('whose bytes cannot be had now are left for later, and hold up no other', async () => {
    const absent = config(99);
    waiting.push(absent);
    const { manifest } = put('{}');
    handler.onApplicationBootstrap();
    await waitUntil('the other is told', () => recorded().length > 0);
    expect(recorded().map((each) => each.manifest)).toEqual([manifest]);
  });

  it('are looked for again at once while there are many, and when an image came', async () => {
    for (let n = 0; n < 65; n += 1) put('{}');
    handler.onApplicationBootstrap();
    await waitUntil('all are told', () => recorded().length === 65);
    expect(looks()).toBe(2);
    put('{}');
    bus.publish(ImageCompleted.subject, {});
    await waitUntil('it is told', () => recorded().length === 66);
    await handler.onModuleDestroy();
    expect(bus.listening).toBe(0);
  });
});
