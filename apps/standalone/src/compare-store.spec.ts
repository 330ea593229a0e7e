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
const lines = (stored: Stored[], rows: ObjectRow[]) => compareStore(stored, rows).map(({ line }) => line);
const spoilt = (stored: Stored[], rows: ObjectRow[]) =>
  compareStore(stored, rows).flatMap((fault) => fault.spoilt ?? []);
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
  expect(lines([file({ bytes: 9 })], [upload])).toEqual([expect.stringMatching(/^missing: bytes 0 to 10/)]);
  expect(spoilt([file({ bytes: 9 })], [upload])).toEqual([]);
});

test('an object on its way out may or may not have bytes', () => {
  expect(compareStore([], [row({ state: 'purging' })])).toEqual([]);
  expect(compareStore([file()], [row({ state: 'purging' })])).toEqual([]);
});

test.each([
  ['a file that no row names', [file()], [], /^orphan: .*no row/],
  ['a key outside the layout', [file({ object: null, key: 'objects/notes.txt' })], [], /^orphan: objects\/notes.txt/],
  ['a missing file', [], [row()], /^missing: the bytes of object \S+ \(sha256:a+\)/],
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
    /^size: a has 9 bytes, its extent .* has 10/,
  ],
])('names %s, in one line', (_what, stored, rows, fault) => {
  expect(lines(stored, rows)).toEqual([expect.stringMatching(fault)]);
});

test('a lost object is known to be without its bytes', () => {
  expect(compareStore([], [row({ lost: true })])).toEqual([]);
});

const TWO = [
  { offset: 0, length: 5, key: 'a' },
  { offset: 5, length: 5, key: 'b' },
];

test('an object without its bytes is one fault, however many its extents', () => {
  expect(lines([], [row({ extents: TWO })])).toHaveLength(1);
  const cut = file({ bytes: 0, extents: [{ key: 'c', bytes: 0 }] });
  expect(lines([cut], [row({ extents: TWO })])).toEqual([
    expect.stringMatching(/^orphan: c/),
    expect.stringMatching(/^missing: bytes 0 to 5 .* 1 more of its extents/),
  ]);
});

test.each([
  ['that is missing', [], row()],
  ['of another size', [file({ bytes: 11 })], row()],
  ['with a gap', [file()], row({ extents: [{ offset: 1, length: 9, key: null }] })],
  ['that may come back', [], row({ state: 'condemned' })],
])('a finished object %s is spoilt', (_what, stored, object) => {
  expect(spoilt(stored, [object])).toEqual([ID]);
});

test('a key that an overtaken writer left beside a whole object spoils nothing', () => {
  const whole = file({
    bytes: 13,
    extents: [
      { key: 'a', bytes: 10 },
      { key: 'late', bytes: 3 },
    ],
  });
  expect(spoilt([whole], [row({ extents: [{ offset: 0, length: 10, key: 'a' }] })])).toEqual([]);
});
