import { compareStore, type ObjectRow, type Stored } from './compare-store';

const ID = '0199aaaa-0000-7000-8000-000000000001';
const row = (change: Partial<ObjectRow> = {}): ObjectRow => ({
  object: ID,
  state: 'live',
  digest: `sha256:${'a'.repeat(64)}`,
  size: 10,
  lost: false,
  extents: [{ offset: 0, length: 10, key: null }],
  session: 'none',
  ...change,
});
const file = (change: Partial<Stored> = {}): Stored => ({ key: `objects/01/${ID}`, object: ID, bytes: 10, ...change });

test('a store that is as its rows say has no fault', () => {
  expect(compareStore([file()], [row()])).toEqual([]);
});

test('an empty object needs no file', () => {
  expect(compareStore([], [row({ size: 0, extents: [] })])).toEqual([]);
});

test('an upload may hold more than is acknowledged, not less', () => {
  const upload = row({ state: 'uploading', size: null, digest: null, session: 'open' });
  expect(compareStore([file({ bytes: 25 })], [upload])).toEqual([]);
  expect(compareStore([file({ bytes: 9 })], [upload])).toEqual([expect.stringMatching(/^missing: bytes 0 to 10/)]);
});

test('an object on its way out may or may not have bytes', () => {
  expect(compareStore([], [row({ state: 'purging' })])).toEqual([]);
  expect(compareStore([file()], [row({ state: 'purging' })])).toEqual([]);
});

test.each([
  ['a file that no row names', [file()], [], /^orphan: .*no row/],
  ['a key outside the layout', [file({ object: null, key: 'objects/notes.txt' })], [], /^orphan: objects\/notes.txt/],
  ['a missing file', [], [row()], /^missing: the bytes of sha256/],
  ['a file that is too short', [file({ bytes: 4 })], [row()], /^size: .* has 4 bytes/],
  ['a file that is too long', [file({ bytes: 11 })], [row()], /^size: .* has 11 bytes/],
  ['a gap between extents', [file()], [row({ extents: [{ offset: 1, length: 9, key: null }] })], /^extents:/],
  ['a session that ran out', [file()], [row({ state: 'uploading', session: 'expired' })], /^session:/],
  [
    'a key that a live object does not name',
    [
      file({
        bytes: 10,
        extents: [
          { key: 'a', bytes: 10 },
          { key: 'b', bytes: 3 },
        ],
      }),
    ],
    [row({ extents: [{ offset: 0, length: 10, key: 'a' }] })],
    /^orphan: b/,
  ],
  [
    'a key of another length than its extent',
    [file({ bytes: 10, extents: [{ key: 'a', bytes: 9 }] })],
    [row({ extents: [{ offset: 0, length: 10, key: 'a' }] })],
    /^missing: bytes 0 to 10/,
  ],
])('names %s', (_what, stored, rows, fault) => {
  expect(compareStore(stored, rows)).toContainEqual(expect.stringMatching(fault));
});

test('a lost object is known to be without its bytes', () => {
  expect(compareStore([], [row({ lost: true })])).toEqual([]);
});
