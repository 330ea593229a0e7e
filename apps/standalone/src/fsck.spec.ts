import { HashObject, ListStored } from '#contracts/calls/blobs';
import { CheckRows, ListObjects } from '#contracts/calls/collection';
import { type Digest, digestOf } from '#oci/digest';
import { blobUnknown, unavailable } from '#oci/registry-error';
import { FakeCalls } from '#testing/fake-calls';
import { fsck } from './fsck';

const ids = [1, 2, 3].map((n) => `0199aaaa-0000-7000-8000-00000000000${n}`);
const digests = ids.map((id) => digestOf(Buffer.from(id)));
const said: string[] = [];
const options = { deep: true, say: (line: string) => void said.push(line) };

/** Three live objects that are as they should be. */
function whole(): FakeCalls {
  const stored = ids.map((object) => ({ key: `objects/01/${object}`, object, bytes: 10 }));
  const objects = ids.map((object, at) => ({
    object,
    state: 'live' as const,
    digest: digests[at]!,
    size: 10,
    lost: false,
    extents: [{ offset: 0, length: 10, key: null }],
    session: 'none' as const,
  }));
  return new FakeCalls()
    .on(ListStored, () => ({ stored, next: null }))
    .on(ListObjects, () => ({ objects, next: null }))
    .on(CheckRows, () => ({ faults: [] }))
    .on(HashObject, ({ object }) => ({ digest: promised(object), size: 10 }));
}

const promised = (object: string): Digest => digests[ids.indexOf(object)]!;

test('a store that is as it should be has no fault, and every object was hashed', async () => {
  const calls = whole();
  expect(await fsck(calls, options)).toEqual([]);
  expect(calls.questions(HashObject)).toHaveLength(3);
  expect(said).toContain('compared 3 stored objects (30 bytes) with 3 rows');
});

test('other bytes, and what cannot be read, are named one by one', async () => {
  const other = digestOf(Buffer.from('other'));
  const calls = whole().on(HashObject, ({ object }) => {
    if (object === ids[0]) throw unavailable('storage');
    return { digest: object === ids[1] ? other : null, size: 10 };
  });
  expect(await fsck(calls, options)).toEqual([
    `digest: object ${ids[0]} should be ${digests[0]} but is unreadable: storage is not available at the moment`,
    `digest: object ${ids[1]} should be ${digests[1]} but is ${other}`,
    `digest: object ${ids[2]} should be ${digests[2]} but is unreadable: bytes are missing`,
  ]);
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
