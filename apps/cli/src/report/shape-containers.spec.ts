import fc from 'fast-check';
import { ContainerReportBodySchema, type ReportedContainer } from '#contracts/bodies/container-report';
import type { SeenContainer } from './runtime';
import { shapeContainers } from './shape-containers';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const seen = (more: Partial<SeenContainer> = {}): SeenContainer => ({
  ...{ id: 'c1', name: 'web', image: 'node:20', digest: DIGEST, state: 'running', labels: {} },
  ...more,
});
const body = (containers: readonly ReportedContainer[]) => ({ reporter: 'build-1', holder: 'docker:1', containers });

describe('what was seen, as a report may say it', () => {
  it('is said as it was seen', () => {
    const container = seen({ labels: { team: 'web' }, createdAt: 1_700_000_000_000 });
    expect(shapeContainers([container])).toEqual([{ ...container, createdAt: '2023-11-14T22:13:20.000Z' }]);
  });

  it('fits the contract whatever was seen, none left out and no two of one name', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 700 }),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.constantFrom('', '/', '__proto__', 'a', '\ud800', '-'.repeat(600), 'x'.repeat(600)),
    );
    const any = fc.record({
      ...{ id: text, name: text, image: text, digest: fc.option(text, { nil: undefined }) },
      state: fc.constantFrom('created', 'running', 'paused', 'exited', 'dead') as fc.Arbitrary<SeenContainer['state']>,
      labels: fc.dictionary(text, text, { noNullPrototype: true }),
      createdAt: fc.option(fc.double(), { nil: undefined }),
    });
    const holds = (containers: readonly SeenContainer[]) => {
      const shaped = shapeContainers(containers);
      expect(ContainerReportBodySchema.safeParse(body(shaped)).error).toBeUndefined();
      expect(shaped).toHaveLength(new Set(containers.map(({ id }) => id)).size);
      for (const field of ['id', 'name'] as const)
        expect(new Set(shaped.map((container) => container[field])).size).toBe(shaped.length);
    };
    fc.assert(fc.property(fc.uniqueArray(any, { maxLength: 8, selector: ({ id }) => id }), holds), { numRuns: 500 });
  });

  it('tells two that begin the same apart', () => {
    const [one, other] = shapeContainers([
      seen({ id: `${'i'.repeat(300)}1`, name: `${'n'.repeat(300)}1` }),
      seen({ id: `${'i'.repeat(300)}2`, name: `${'n'.repeat(300)}2` }),
    ]);
    expect(one!.id).not.toBe(other!.id);
    expect(one!.name).not.toBe(other!.name);
  });

  it('gives two of one name a name each, and says one of one id once', () => {
    const shaped = shapeContainers([seen({ id: '1' }), seen({ id: '2' }), seen({ id: '2', state: 'dead' })]);
    expect(shaped.map(({ name, state }) => [name.slice(0, 4), state])).toEqual([
      ['web', 'running'],
      ['web-', 'dead'],
    ]);
  });

  it('leaves out the labels that are too large, the largest first, and a digest that is none', () => {
    const labels = { large: 'x'.repeat(5000), some: 'y'.repeat(2000), small: 'z', '': 'no key' };
    const [shaped] = shapeContainers([seen({ labels, digest: 'sha256:short' })]);
    expect(Object.keys(shaped!.labels)).toEqual(['small', 'some']);
    expect(shaped).not.toHaveProperty('digest');
  });
});
