import { HashObject, ListStored } from '#contracts/calls/blobs';
import { CheckRows, FindHolders, ListObjects } from '#contracts/calls/collection';
import { MarkLost } from '#contracts/calls/sessions';
import { type Digest, digestOf } from '#oci/digest';
import { blobUnknown, unavailable } from '#oci/registry-error';
import { FakeCalls } from '#testing/fake-calls';
import { fsck } from './fsck';

const ids = [1, 2, 3].map((n) => `0199aaaa-0000-7000-8000-00000000000${n}`);
const digests = ids.map((id) => digestOf(Buffer.from(id)));
const MANIFEST = digestOf(Buffer.from('manifest'));
const said: string[] = [];
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
    .on(HashObject, ({ object }) => ({ digest: promised(object), size: 10 }))
    .on(MarkLost, () => ({}))
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
  expect(await fsck(calls, options)).toEqual([]);
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
  expect(await fsck(calls, options)).toEqual([
    `digest: object ${ids[0]} should be ${digests[0]} but is unreadable: storage is not available at the moment`,
    `digest: object ${ids[1]} should be ${digests[1]} but is ${other}; marked lost: push team/app@${MANIFEST} again`,
    `digest: object ${ids[2]} should be ${digests[2]} but is unreadable: bytes are missing; marked lost: no image needs it`,
  ]);
  expect(calls.questions(MarkLost).map(({ object }) => object)).toEqual([ids[1], ids[2]]);
});

test('what is purged while it looks is no fault', async () => {
  let asked = 0;
  const calls = whole().on(HashObject, ({ object }) => {
    asked += 1;
    if (object === ids[0]) throw blobUnknown(object);
    if (object === ids[1] && asked > 2) throw blobUnknown(object);
    return { digest: object === ids[1] ? null : promised(object), size: 10 };
  });
  expect(await fsck(calls, options)).toEqual([]);
});

test('what only one of two looks found was on its way', async () => {
  let asked = 0;
  const calls = whole().on(CheckRows, () => ({ faults: asked++ === 0 ? ['a row in the middle of something'] : [] }));
  expect(await fsck(calls, { ...options, deep: false })).toEqual([]);
  asked = -9;
  calls.on(CheckRows, () => ({ faults: ['a row that stays wrong'] }));
  expect(await fsck(calls, { ...options, deep: false })).toEqual(['row: a row that stays wrong']);
  expect(calls.questions(HashObject)).toEqual([]);
});

test('what is missing is one line, is reported lost by its id, and the line says what brings it back', async () => {
  const calls = whole({ stored: ids.slice(1).map((object) => ({ key: `objects/01/${object}`, object, bytes: 10 })) });
  calls.on(CheckRows, () => ({ faults: [`object ${ids[0]} is live, and its extents cover 9 of its 10 bytes`] }));
  const [line, ...more] = await fsck(calls, options);
  expect(line).toMatch(
    /^missing: the bytes of object .*; marked lost: pull 127\.0\.0\.1:5001\/library\/app@sha256:\w+ again$/,
  );
  expect(more).toEqual([]);
  expect(calls.questions(MarkLost)).toEqual([{ object: ids[0], reason: expect.stringMatching(/^fsck: missing: /) }]);
  expect(calls.questions(HashObject).map(({ object }) => object)).toEqual(ids.slice(1));
});

test('what was lost and is held still is a fault until it is mended; what nobody holds is none', async () => {
  const rows = { [ids[0]!]: { lost: true }, [ids[2]!]: { lost: true } };
  expect(await fsck(whole({ rows }), { ...options, deep: false })).toEqual([
    expect.stringMatching(/^lost: object \S+ \(sha256:\w+\) is without its bytes; pull 127\.0\.0\.1:5001/),
  ]);
});

test('what could not be reported is said, and hides no other fault', async () => {
  const calls = whole({ stored: [] }).on(MarkLost, ({ object }) => {
    if (object === ids[0]) throw unavailable('metadata');
    return {};
  });
  const faults = await fsck(calls, { ...options, deep: false });
  expect(faults).toHaveLength(3);
  expect(faults[0]).toMatch(/could not be marked lost: metadata is not available/);
  expect(faults[1]).toMatch(/marked lost: push/);
});

test('where most of the store is gone nothing is reported lost, unless that is meant', async () => {
  const many = Array.from({ length: 20 }, (_, n) => `0199aaaa-0000-7000-8000-0000000001${String(n).padStart(2, '0')}`);
  const calls = whole({ stored: [] }, many);
  const faults = await fsck(calls, options);
  expect(calls.questions(MarkLost)).toEqual([]);
  expect(faults).toHaveLength(21);
  expect(faults.at(-1)).toMatch(/^missing: 20 of 20 objects .* mounted\? .* --mark-lost$/);
  await fsck(calls, { ...options, force: true });
  expect(calls.questions(MarkLost)).toHaveLength(20);
});
