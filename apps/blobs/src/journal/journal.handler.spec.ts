import { randomUUID } from 'node:crypto';
import { EndSegment, NoteRestored, TakeSegment } from '#contracts/calls/journal';
import { unavailable } from '#oci/registry-error';
import { FakeCalls } from '#testing/fake-calls';
import { waitUntil } from '#testing/wait-until';
import { BlobsConfigSchema } from '../blobs.config';
import type { BlobDriver } from '../driver/blob-driver';
import { JournalHandler } from './journal.handler';

const INSTALLATION = randomUUID();
const nameOf = (segment: number, generation = 1) => `${INSTALLATION}/00000${generation}-00000000000${segment}.jsonl`;
const NONE = Buffer.alloc(0);

describe('taking the journal into the store', () => {
  let calls: FakeCalls;
  let stored: Map<string, Buffer>;
  let waiting: string[];
  let head: { generation: number; written: number };
  let handler: JournalHandler;
  let faults: (() => Error)[];

  beforeEach(() => {
    [stored, waiting, head, faults] = [new Map(), [], { generation: 1, written: 0 }, []];
    calls = new FakeCalls()
      .on(TakeSegment, () => ({
        installation: INSTALLATION,
        generation: head.generation,
        segment: head.written + 1,
        bytes: waiting[0] === undefined ? NONE : Buffer.from(waiting[0]),
      }))
      .on(EndSegment, ({ segment }) => {
        if (segment !== head.written + 1) return {};
        head.written = segment;
        waiting.shift();
        return {};
      })
      .on(NoteRestored, ({ generation }) => {
        head.generation = Math.max(head.generation, generation + 1);
        return {};
      });
  });
  afterEach(() => handler.onModuleDestroy());

  const lastOf = (after: string) =>
    [...stored.keys()]
      .filter((name) => name > after)
      .sort()
      .at(-1) ?? null;
  const driver = {
    lastSegment: async (after: string) => lastOf(after),
    readSegment: async (name: string) => stored.get(name) ?? null,
    writeSegment: async (name: string, bytes: Uint8Array) => {
      const fault = faults.shift();
      if (fault) throw fault();
      stored.set(name, Buffer.from(bytes));
    },
  } as unknown as BlobDriver;
  const takes = () => calls.questions(TakeSegment).length;
  function begin(everyMs = 86_400_000): void {
    const config = { ...BlobsConfigSchema.parse({}), ENTREPOT_JOURNAL_MS: everyMs };
    handler = new JournalHandler(calls, driver, config);
    handler.onApplicationBootstrap();
  }

  it('writes what waits, segment by segment, and says of each that it is stored', async () => {
    waiting = ['one\n', 'two\n'];
    begin();
    await waitUntil('the end', () => takes() === 3);
    expect([...stored]).toEqual([
      [nameOf(1), Buffer.from('one\n')],
      [nameOf(2), Buffer.from('two\n')],
    ]);
    expect(calls.questions(EndSegment)).toMatchObject([{ segment: 1 }, { segment: 2 }]);
  });

  it('says nothing of a segment that is not stored, and tries it again', async () => {
    waiting = ['one\n'];
    faults = [() => unavailable('storage')];
    begin(5);
    await waitUntil('a second try', () => takes() >= 2);
    await waitUntil('it is stored', () => stored.size === 1);
    await waitUntil('the end', () => waiting.length === 0);
    expect(calls.questions(EndSegment)).toEqual([{ segment: 1, generation: expect.any(Number) }]);
  });

  it('goes on where another died between the store and the database', async () => {
    stored.set(nameOf(1), Buffer.from('one\n'));
    waiting = ['one\n'];
    begin();
    await waitUntil('the end', () => waiting.length === 0);
    expect(calls.questions(NoteRestored)).toEqual([]);
  });

  it.each([
    ['something waits', ['other\n']],
    ['nothing waits', []],
  ])(
    'begins a generation of its own where the store is ahead of the database, and %s; nothing is overwritten',
    async (_, lines) => {
      stored.set(nameOf(1), Buffer.from('one\n'));
      waiting = [...lines];
      begin();
      await waitUntil('the end', () => waiting.length === 0 && takes() >= lines.length + 2);
      expect(calls.questions(NoteRestored)).toEqual([{ generation: 1 }]);
      expect([...stored]).toEqual([
        [nameOf(1), Buffer.from('one\n')],
        ...lines.map((line) => [nameOf(1, 2), Buffer.from(line)]),
      ]);
    },
  );

  it('begins a generation after all that the store has, so that no two lives of a database share one', async () => {
    for (const [segment, generation] of [
      [7, 1],
      [5, 3],
    ] as const)
      stored.set(nameOf(segment, generation), NONE);
    waiting = ['one\n'];
    begin();
    await waitUntil('the end', () => waiting.length === 0);
    expect(calls.questions(NoteRestored)).toEqual([{ generation: 3 }]);
    expect([...stored.keys()].at(-1)).toBe(nameOf(1, 4));
  });

  it('notices a store that went ahead while it ran', async () => {
    begin(5);
    await waitUntil('a look', () => takes() >= 2);
    stored.set(nameOf(1), Buffer.from('of another database\n'));
    waiting = ['one\n'];
    await waitUntil('the end', () => waiting.length === 0);
    expect(calls.questions(NoteRestored)).toEqual([{ generation: 1 }]);
    expect(stored.get(nameOf(1))).toEqual(Buffer.from('of another database\n'));
  });

  it.each([
    ['something waited', ['one\n']],
    ['nothing waited', []],
  ])(
    'another replica that wrote on since the database was asked is no restored database, where %s',
    async (_, lines) => {
      waiting = [...lines];
      jest.spyOn(driver, 'lastSegment').mockImplementationOnce(async (after) => {
        waiting.push('two\n');
        for (const line of waiting.splice(0)) {
          head.written += 1;
          stored.set(nameOf(head.written), Buffer.from(line));
        }
        return lastOf(after);
      });
      begin(5);
      await waitUntil('some looks', () => takes() >= 4);
      expect(calls.questions(NoteRestored)).toEqual([]);
    },
  );

  it('looks from time to time, and asks the store only where something waits', async () => {
    begin(5);
    await waitUntil('some looks', () => takes() >= 3);
    const read = jest.spyOn(driver, 'readSegment');
    await waitUntil('more looks', () => takes() >= 6);
    expect(read).not.toHaveBeenCalled();
    read.mockRestore();
  });
});
