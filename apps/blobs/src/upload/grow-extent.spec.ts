import { growExtent } from './grow-extent';

const sizes = { first: 1, largest: 16 };

test('nobody follows: the largest', () => {
  expect([null, 1, 8].map((previous) => growExtent(previous, false, sizes))).toEqual([16, 16, 16]);
});

test('somebody follows: doubling from the first size', () => {
  const grown: number[] = [];
  for (let previous: number | null = null; grown.length < 6; grown.push(previous)) {
    previous = growExtent(previous, true, sizes);
  }
  expect(grown).toEqual([1, 2, 4, 8, 16, 16]);
});
