import { DropStrays, HashObject, JudgeStore, ListStored, QuarantineObject } from '#contracts/calls/blobs';
import { CheckRows, CheckStreams, FindHolders, ListObjects } from '#contracts/calls/collection';
import { MarkLost } from '#contracts/calls/sessions';
import { type Digest, digestOf } from '#oci/digest';
import { blobUnknown, unavailable } from '#oci/registry-error';
import { FakeCalls } from '#testing/fake-calls';
import { type FsckOptions, fsck } from './fsck';

const ids = [1, 2, 3].map((n) => `0199aaaa-0000-7000-8000-00000000000${n}`);
const digests = ids.map((id) => digestOf(Buffer.from(id)));
const MANIFEST = digestOf(Buffer.from('manifest'));
const said: string[] = [];
const plain = async (calls: FakeCalls, more: FsckOptions) => (await fsck(calls, more)).map(({ line }) => line);
const options = { deep: true, say: (line: string) => void said.push(line) };

interface Change {
  readonly stored?: object[];
  readonly rows?: Record<string, object>;
}

/** Three live objects that are as they should be, but for this. */
function whole({ stored, rows = {} }: Change = {}, all: readonly string[] = ids): FakeCalls {
  const there = all.map((object) => ({ key: `objects/01/${object}`, object, bytes: 10 }));
  const objects = all.map((object) => ({
    object,
    state: 'live' as const,
    digest: promised(object),
    size: 10,
    lost: false,
    extents: [{ offset: 0, length: 10, key: null }],
    session: 'none' as const,
    ...rows[object],
  }));
  return new FakeCalls()
    .on(ListStored, () => ({ stored: (stored as typeof there) ?? there, next: null }))
    .on(ListObjects, () => ({ objects, next: null }))
    .on(CheckRows, () => ({ faults: [] }))
    .on(CheckStreams, () => ({ faults: [] }))
    .on(HashObject, ({ object }) => ({ digest: promised(object), size: 10 }))
    .on(MarkLost, () => ({}))
    .on(QuarantineObject, () => ({}))
    .on(JudgeStore, () => ({ fault: null }))
    .on(FindHolders, (question) => ({
      holders: question.digests.map((digest) => holderOf(digest)),
    }));
}

/** The first is an upstream's, the second was pushed, of the third nobody knows. */
function holderOf(digest: Digest) {
  const manifest = MANIFEST;
  if (digest === digests[0]) return { repository: '127.0.0.1_5001/library/app', upstream: '127.0.0.1:5001', manifest };
  return digest === digests[1] ? { repository: 'team/app', upstream: null, manifest } : null;
}

const promised = (object: string): Digest => digests[ids.indexOf(object)] ?? digestOf(Buffer.from(object));

test('a store that is as it should be has no fault, and every object was hashed', async () => {
  const calls = whole();
  expect(await plain(calls, options)).toEqual([]);
  expect(calls.questions(HashObject)).toHaveLength(3);
  expect(said).toEqual(['in the store: 3 objects, 30 bytes', 'in the database: 3 live', 'hashed 3 objects']);
  expect(calls.questions(MarkLost)).toEqual([]);
});

test('other bytes, and what cannot be read, are named one by one', async () => {
  const other = digestOf(Buffer.from('other'));
  const calls = whole().on(HashObject, ({ object }) => {
    if (object === ids[0]) throw unavailable('storage');
    return { digest: object === ids[1] ? other : null, size: 10 };
  });
  expect(await plain(calls, options)).toEqual([
    `digest: object ${ids[0]} should be ${digests[0]} but is unreadable: storage is not available at the moment`,
    `digest: object ${ids[1]} should be ${digests[1]} but is ${other}; kept in quarantine; marked lost: push team/app@${MANIFEST} again`,
    `digest: object ${ids[2]} should be ${digests[2]} but is unreadable: bytes are missing; marked lost: no image needs it`,
  ]);
  expect(calls.questions(MarkLost).map(({ object }) => object)).toEqual([ids[1], ids[2]]);
  expect(calls.questions(QuarantineObject)).toEqual([{ object: ids[1] }]);
});

test('what is purged while it looks is no fault', async () => {
  let asked = 0;
  const calls = whole().on(HashObject, ({ object }) => {
    asked += 1;
    if (object === ids[0]) throw blobUnknown(object);
    if (object === ids[1] && asked > 2) throw blobUnknown(object);
    return { digest: object === ids[1] ? null : promised(object), size: 10 };
  });
  expect(await plain(calls, options)).toEqual([]);
});

test('what only one of two looks found was on its way', async () => {
  let asked = 0;
  const calls = whole().on(CheckRows, () => ({ faults: asked++ === 0 ? ['a row in the middle of something'] : [] }));
  expect(await plain(calls, { ...options, deep: false })).toEqual([]);
  asked = -9;
  calls.on(CheckRows, () => ({ faults: ['a row that stays wrong'] }));
  expect(await plain(calls, { ...options, deep: false })).toEqual(['row: a row that stays wrong']);
  expect(calls.questions(HashObject)).toEqual([]);
});

test('what is missing is one line, is reported lost by its id, and the line says what brings it back', async () => {
  const calls = whole({ stored: ids.slice(1).map((object) => ({ key: `objects/01/${object}`, object, bytes: 10 })) });
  calls.on(CheckRows, () => ({ faults: [`object ${ids[0]} is live, and its extents cover 9 of its 10 bytes`] }));
  const [line, ...more] = await plain(calls, options);
  expect(line).toMatch(
    /^missing: the bytes of object .*; marked lost: pull 127\.0\.0\.1:5001\/library\/app@sha256:\w+ again$/,
  );
  expect(more).toEqual([]);
  expect(calls.questions(MarkLost)).toEqual([
    { object: ids[0], reason: expect.stringMatching(/^fsck: missing: /), refetch: false },
  ]);
  expect(calls.questions(QuarantineObject)).toEqual([]);
  expect(calls.questions(HashObject).map(({ object }) => object)).toEqual(ids.slice(1));
});

test('what was lost and is held still is a fault until it is mended; what nobody holds is none', async () => {
  const rows = { [ids[0]!]: { lost: true }, [ids[2]!]: { lost: true } };
  expect(await plain(whole({ rows }), { ...options, deep: false })).toEqual([
    expect.stringMatching(/^lost: object \S+ \(sha256:\w+\) is without its bytes; pull 127\.0\.0\.1:5001/),
  ]);
});

test('what could not be reported is said, and hides no other fault', async () => {
  const calls = whole({ stored: [] }).on(MarkLost, ({ object }) => {
    if (object === ids[0]) throw unavailable('metadata');
    return {};
  });
  const faults = await plain(calls, { ...options, deep: false });
  expect(faults).toHaveLength(3);
  expect(faults[0]).toMatch(/could not be marked lost: metadata is not available/);
  expect(faults[1]).toMatch(/marked lost: push/);
});

test('where most of the store is gone nothing is reported lost, unless that is meant', async () => {
  const many = Array.from({ length: 20 }, (_, n) => `0199aaaa-0000-7000-8000-0000000001${String(n).padStart(2, '0')}`);
  const calls = whole({ stored: [] }, many);
  const faults = await plain(calls, options);
  expect(calls.questions(MarkLost)).toEqual([]);
  expect(faults).toHaveLength(21);
  expect(faults.at(-1)).toMatch(/^missing: 20 of 20 objects .* mounted\? .* --mark-lost$/);
  await plain(calls, { ...options, force: true });
  expect(calls.questions(MarkLost)).toHaveLength(20);
});

test('where the store never had this database’s journal nothing is reported lost, however little it is, unless that is meant', async () => {
  const calls = whole({ stored: ids.slice(1).map((object) => ({ key: `objects/01/${object}`, object, bytes: 10 })) });
  calls.on(JudgeStore, () => ({ fault: 'the store has no journal of this database' }));
  const faults = await plain(calls, { ...options, repair: true });
  expect(calls.questions(MarkLost)).toEqual([]);
  expect(faults).toEqual([
    expect.stringMatching(/^missing: the bytes of object \S+ \(sha256:\w+\) are not in the store \(10 bytes\)$/),
    expect.stringMatching(/^missing: 1 of 3 objects .* no journal of this database\. If it is: fsck --mark-lost$/),
  ]);
  await plain(calls, { ...options, force: true });
  expect(calls.questions(MarkLost)).toHaveLength(1);
});

test('wrong bytes are marked lost also where they cannot be kept aside', async () => {
  const other = digestOf(Buffer.from('other'));
  const calls = whole()
    .on(HashObject, ({ object }) => ({ digest: object === ids[0] ? other : promised(object), size: 10 }))
    .on(QuarantineObject, () => {
      throw unavailable('storage');
    });
  expect(await plain(calls, options)).toEqual([
    expect.stringMatching(/; not kept in quarantine \(storage is not available at the moment\); marked lost: pull /),
  ]);
  expect(calls.questions(MarkLost)).toHaveLength(1);
});

const STRAY = '0199aaaa-0000-7000-8000-00000000000f';

test('what waits too long is stuck, where two looks agree', async () => {
  let asked = 0;
  const calls = whole().on(CheckRows, () => ({ faults: [], stuck: asked++ === 0 ? ['one', 'two'] : ['two'] }));
  expect(await plain(calls, { ...options, deep: false })).toEqual(['stuck: two']);
});

test('nothing is repaired where nobody asked for it', async () => {
  const stored = [...ids, STRAY].map((object) => ({ key: `objects/01/${object}`, object, bytes: 10 }));
  const calls = whole({ stored });
  expect(await plain(calls, options)).toEqual([expect.stringMatching(/^orphan: .* no row of object \S+$/)]);
  expect(calls.questions(DropStrays)).toEqual([]);
});

test('a repair has fetched again what an upstream has, drops what nothing refers to, and says of the rest why not', async () => {
  const stored = [ids[1]!, ids[2]!, STRAY].map((object) => ({ key: `objects/01/${object}`, object, bytes: 10 }));
  const calls = whole({ stored: [...stored, { key: 'objects/notes', object: null, bytes: 5 }] })
    .on(MarkLost, ({ refetch }) => ({ refetching: refetch ? 'docker.io' : null }))
    .on(DropStrays, () => ({ dropped: 1, left: null }))
    .on(CheckRows, () => ({ faults: ['a'], stuck: ['b'] }));
  expect(await plain(calls, { ...options, deep: false, repair: true })).toEqual([
    expect.stringMatching(/^orphan: objects\/notes .*; left: it is not one of ours: remove it by hand$/),
    expect.stringMatching(/^orphan: .*; dropped$/),
    expect.stringMatching(/^missing: .*; marked lost: it is fetched again from docker\.io$/),
    expect.stringMatching(/^row: a; left: nothing mends it without a person/),
    expect.stringMatching(/^stuck: b; left: whoever is to do it must run/),
  ]);
  expect(calls.questions(DropStrays)).toEqual([{ object: STRAY }]);
});

test('a repair asks again for what was lost before, and drops nothing that it is told to leave', async () => {
  const stored = [...ids, STRAY].map((object) => ({ key: `objects/01/${object}`, object, bytes: 10 }));
  const calls = whole({ stored, rows: { [ids[0]!]: { lost: true }, [ids[1]!]: { lost: true } } })
    .on(MarkLost, ({ object }) => ({ refetching: object === ids[0] ? 'docker.io' : null }))
    .on(DropStrays, () => ({ dropped: 0, left: 'it is younger than the grace' }));
  expect(await plain(calls, { ...options, deep: false, repair: true })).toEqual([
    expect.stringMatching(/^orphan: .*; left: it is younger than the grace$/),
    expect.stringMatching(/^lost: .*; it is fetched again from docker\.io$/),
    expect.stringMatching(/^lost: .*; push team\/app@\S+ again$/),
  ]);
});

test('where most of the store is unknown nothing of it is dropped', async () => {
  const stored = Array.from(
    { length: 20 },
    (_, n) => `0199aaaa-0000-7000-8000-0000000002${String(n).padStart(2, '0')}`,
  ).map((object) => ({ key: `objects/01/${object}`, object, bytes: 10 }));
  const calls = whole({ stored: [...ids.map((object) => ({ key: object, object, bytes: 10 })), ...stored] });
  const faults = await plain(calls, { ...options, deep: false, repair: true });
  expect(faults).toHaveLength(20);
  expect(faults[0]).toMatch(/; left: most of the store is unknown: is this the right database\?$/);
  expect(calls.questions(DropStrays)).toEqual([]);
});

test('what is on its way while it looks is no fault: a store is listed again, and the rows after it', async () => {
  let listed = 0;
  const calls = whole();
  const there = ids.map((object) => ({ key: `objects/01/${object}`, object, bytes: 10 }));
  const going = { key: `objects/01/${STRAY}`, object: STRAY, bytes: 10 };
  // At the first look one has not come yet, and another one goes.
  calls.on(ListStored, () => ({ stored: listed++ === 0 ? [...there.slice(1), going] : there, next: null }));
  expect(await plain(calls, { ...options, deep: false })).toEqual([]);
  expect(listed).toBe(2);
  expect(calls.questions(MarkLost)).toEqual([]);
});

const idOf = (n: number) => `0199aaaa-0000-7000-8000-${String(n).padStart(12, '0')}`;

/** As many objects as no page holds; those of `without` lack their row or their bytes. */
function large(numbers: readonly number[], without: { row?: number; bytes?: number } = {}) {
  let most = 0;
  const all = numbers.map(idOf);
  const page = <T>(of: readonly string[], after: string | undefined, limit: number, shape: (object: string) => T) => {
    const rest = of.filter((object) => after === undefined || object > after).slice(0, limit);
    most = Math.max(most, rest.length);
    return { rest: rest.map(shape), next: rest.length === limit ? rest.at(-1)! : null };
  };
  const stored = all.filter((object) => object !== idOf(without.bytes ?? -1));
  const rows = all.filter((object) => object !== idOf(without.row ?? -1));
  const calls = whole()
    .on(ListStored, ({ after, limit }) => {
      const { rest, next } = page(stored, after, limit, (object) => ({ key: object, object, bytes: 10 }));
      return { stored: rest, next };
    })
    .on(ListObjects, ({ after, limit }) => {
      const live = { state: 'live' as const, size: 10, lost: false, session: 'none' as const };
      const extents = [{ offset: 0, length: 10, key: null }];
      const { rest, next } = page(rows, after, limit, (object) => ({
        object,
        digest: promised(object),
        extents,
        ...live,
      }));
      return { objects: rest, next };
    });
  return { calls, most: () => most };
}

test('however many objects there are, a page of them is looked at at once, and each is compared', async () => {
  const numbers = Array.from({ length: 3_500 }, (_, n) => n);
  const { calls, most } = large(numbers, { row: 1_000, bytes: 2_345 });
  said.length = 0;
  expect(await plain(calls, { ...options, deep: false })).toEqual([
    expect.stringMatching(`^orphan: ${idOf(1_000)} `),
    expect.stringMatching(`^missing: the bytes of object ${idOf(2_345)} `),
  ]);
  expect(most()).toBe(1_000);
  expect(said).toEqual(['in the store: 3499 objects, 34990 bytes', 'in the database: 3499 live']);
});

test('an empty store is compared with as many rows as there are', async () => {
  const { calls, most } = large(Array.from({ length: 2_500 }, (_, n) => n));
  calls.on(ListStored, () => ({ stored: [], next: null }));
  const faults = await plain(calls, { ...options, deep: false });
  expect(faults).toHaveLength(2_501);
  expect(most()).toBe(1_000);
});

test('one that is stopped says what it found until then', async () => {
  const stopping = new AbortController();
  const { calls } = large(
    Array.from({ length: 3_500 }, (_, n) => n),
    { bytes: 5 },
  );
  calls.on(HashObject, ({ object }) => {
    if (object === idOf(20)) stopping.abort();
    return { digest: promised(object), size: 10 };
  });
  expect(await plain(calls, { ...options, signal: stopping.signal })).toEqual([expect.stringMatching(/^missing: /)]);
  expect(calls.questions(HashObject)).toHaveLength(20);
  expect(calls.questions(CheckRows)).toEqual([]);
});

test('streams that are otherwise are named, and made as they should be by a repair; a bus that is away is no fault', async () => {
  const calls = whole().on(CheckStreams, () => ({ faults: ['ENTREPOT_FACTS is not there'] }));
  expect(await plain(calls, { ...options, deep: false })).toEqual(['stream: ENTREPOT_FACTS is not there']);
  expect(await plain(calls, { ...options, deep: false, repair: true })).toEqual([
    'stream: ENTREPOT_FACTS is not there; made as it should be',
  ]);
  expect(calls.questions(CheckStreams)).toEqual([{ mend: false }, { mend: true }]);
  calls.on(CheckStreams, () => {
    throw unavailable('NATS');
  });
  said.length = 0;
  expect(await plain(calls, { ...options, deep: false })).toEqual([]);
  expect(said).toContain('streams were not compared: NATS is not available at the moment');
});
