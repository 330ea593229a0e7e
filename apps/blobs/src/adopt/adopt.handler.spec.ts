import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { AdoptSegment, EndAdoptionPhase, TakeAdoption } from '#contracts/calls/adoption';
import { RegistryError } from '#oci/registry-error';
import { FakeCalls } from '#testing/fake-calls';
import { waitUntil } from '#testing/wait-until';
import { BlobsConfigSchema } from '../blobs.config';
import type { BlobDriver } from '../driver/blob-driver';
import { segmentName } from '../journal/segment-name';
import { AdoptHandler } from './adopt.handler';
import type { AdoptObjects } from './adopt-objects';

const INSTALLATION = randomUUID();

describe('reading the journal for a database that is behind it', () => {
  let calls: FakeCalls;
  let places: readonly (readonly [generation: number, segment: number])[];
  let isBroken: (segment: number) => boolean;
  let isOver: boolean;
  let handler: AdoptHandler;
  let said: string[];

  beforeEach(() => {
    [said, isOver, isBroken] = [[], false, () => false];
    jest.spyOn(Logger.prototype, 'error').mockImplementation((line: string) => void said.push(line));
    calls = new FakeCalls()
      .on(TakeAdoption, () => ({
        adoption: isOver
          ? null
          : {
              installation: INSTALLATION,
              generation: 3,
              phase: 'names' as const,
              after: { generation: 1, segment: 2 },
            },
      }))
      .on(AdoptSegment, ({ at }) => {
        if (isBroken(at.segment)) throw new RegistryError('INVALID', `segment ${at.generation}-${at.segment} is cut`);
        return {};
      })
      .on(EndAdoptionPhase, () => {
        isOver = true;
        return {};
      });
  });
  afterEach(async () => {
    await handler.onModuleDestroy();
    jest.restoreAllMocks();
  });

  const driver = {
    listSegments: async (after: string, limit: number) =>
      [
        ...places.map(([generation, segment]) => segmentName({ installation: INSTALLATION, generation, segment })),
        'z/1',
      ]
        .filter((name) => name > after)
        .slice(0, Math.min(limit, 2)),
    readSegment: async () => Buffer.from('{}'),
  } as unknown as BlobDriver;
  const read = () => calls.questions(AdoptSegment).map(({ at }) => `${at.generation}-${at.segment}`);
  function begin(everyMs = 86_400_000): void {
    const config = { ...BlobsConfigSchema.parse({}), ENTREPOT_JOURNAL_MS: everyMs };
    handler = new AdoptHandler(calls, driver, {} as AdoptObjects, config);
    handler.onApplicationBootstrap();
  }

  it('reads what came after it, in order, up to what it says itself', async () => {
    places = [
      [1, 1],
      [1, 2],
      [1, 3],
      [1, 4],
      [2, 1],
      [2, 2],
      [3, 1],
    ];
    begin();
    await waitUntil('the end', () => isOver);
    expect(read()).toEqual(['1-3', '1-4', '2-1', '2-2']);
    expect(said).toEqual([]);
  });

  it('says where segments are missing, and goes on behind them', async () => {
    places = [
      [1, 4],
      [1, 5],
      [2, 2],
    ];
    begin();
    await waitUntil('the end', () => isOver);
    expect(read()).toEqual(['1-4', '1-5', '2-2']);
    expect(said).toEqual([
      'segments of the journal between 1-2 and 1-4 are not in the store: what they said is not had back',
      'segments of the journal between 1-5 and 2-2 are not in the store: what they said is not had back',
    ]);
  });

  it('waits where one cannot be read, saying so once, until somebody has mended it', async () => {
    places = [
      [1, 3],
      [1, 4],
    ];
    isBroken = (segment) => segment === 3;
    begin(5);
    await waitUntil('some tries', () => read().length > 3);
    expect(new Set(read())).toEqual(new Set(['1-3']));
    expect(isOver).toBe(false);
    isBroken = () => false;
    await waitUntil('the end', () => isOver);
    expect(said).toEqual([expect.stringContaining('segment 1-3 is cut: put its file back as it was, or move it out')]);
  });
});
