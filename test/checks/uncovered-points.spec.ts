import { uncovered } from '../failpoints/source-points';

const STEPS = [
  { step: 'metadata.do-it', file: 'apps/metadata/src/it.store.ts', line: 7 },
  { step: 'blobs.put-it', file: 'apps/blobs/src/it.driver.ts', line: 9 },
];
const ALL = new Set(['metadata.do-it:before', 'metadata.do-it:after', 'blobs.put-it:before', 'blobs.put-it:after']);

test('where every point was died at, nothing is left out', () => {
  expect(uncovered(STEPS, ALL, {})).toEqual([]);
});

test('a point where nobody died is named with its place, and with what to do', () => {
  const died = new Set([...ALL].filter((point) => point !== 'blobs.put-it:after'));
  expect(uncovered(STEPS, died, {})).toEqual([
    expect.stringMatching(
      /^apps\/blobs\/src\/it\.driver\.ts:9: no path dies at blobs\.put-it:after: have one of .* pass/,
    ),
  ]);
});

test('an exception needs no death; one that is none any more is named', () => {
  const died = new Set(['metadata.do-it:before', 'metadata.do-it:after']);
  expect(uncovered(STEPS, died, { 'blobs.put-it': 'the reason' })).toEqual([]);
  expect(uncovered(STEPS, ALL, { 'blobs.put-it': 'the reason' })).toEqual([
    'EXCEPTIONS names blobs.put-it, and a path dies at it',
  ]);
  expect(uncovered(STEPS, ALL, { 'gc.go': 'the reason' })).toEqual([
    'EXCEPTIONS names gc.go, and the sources have no such step',
  ]);
});
