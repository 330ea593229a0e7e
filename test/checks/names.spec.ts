import { PlantedTree } from './planted-tree';

const GOOD = [
  'apps/gateway/src/manifests.controller.ts',
  'apps/blobs/src/plan-fetch.ts',
  'libs/oci/src/digest.spec.ts',
];
const BAD: readonly [file: string, said: string][] = [
  ['libs/oci/src/index.ts', 'no barrels'],
  ['libs/oci/src/utils.ts', 'says nothing'],
  ['libs/calls/src/http-helpers.ts', 'says nothing'],
  ['apps/gc/src/common.ts', 'says nothing'],
  ['apps/gc/src/run-manager.ts', 'says nothing'],
  ['apps/gc/src/run.impl.ts', 'says nothing'],
  ['apps/gc/src/RunStore.ts', 'lowercase words'],
  ['apps/gc/src/runs.service.ts', '"service" is no role'],
];

describe('a file is named by its noun and its role', () => {
  const tree = new PlantedTree(Object.fromEntries(GOOD.map((file) => [file, ''])));
  afterAll(() => tree.remove());

  it('passes nouns with roles, and verbs', () => {
    expect(tree.check('names').passed).toBe(true);
  });

  it.each(BAD)('%s: %s', (file, said) => {
    tree.plant({ [file]: '' });
    const { passed, output } = tree.check('names');
    expect(passed).toBe(false);
    expect(output.split('\n').find((line) => line.includes(`${file}: `))).toContain(said);
  });
});
