import fc from 'fast-check';
import { IMAGES } from './images';
import { REPOSITORIES, TAGS } from './model';
import type { Exact, ExactTag, Reference, TagReference } from './request';

export const exactTag: fc.Arbitrary<ExactTag> = fc.record({
  by: fc.constant('tag' as const),
  repository: fc.constantFrom(...REPOSITORIES),
  tag: fc.constantFrom(...TAGS),
});

const exact: fc.Arbitrary<Exact> = fc.oneof(
  { weight: 4, arbitrary: exactTag },
  {
    weight: 2,
    arbitrary: fc.record({
      by: fc.constant('digest' as const),
      repository: fc.constantFrom(...REPOSITORIES),
      image: fc.constantFrom(...IMAGES),
    }),
  },
  { weight: 1, arbitrary: fc.record({ by: fc.constant('id' as const), image: fc.constantFrom(...IMAGES) }) },
);

/** Most of what is asked about is there. */
const nth = fc.oneof({ weight: 5, arbitrary: fc.nat(11) }, { weight: 1, arbitrary: fc.constant(null) });

export const anyTag: fc.Arbitrary<TagReference> = fc.record({ nth, else: exactTag });
export const anyReference: fc.Arbitrary<Reference> = fc.record({ nth, else: exact });

/** As a step that is not run yet says it. */
export function words({ nth, else: other }: Reference): string {
  const said =
    other.by === 'tag'
      ? `${other.repository}:${other.tag}`
      : other.by === 'digest'
        ? `${other.repository}@${other.image}`
        : other.image;
  return nth === null ? said : `what is there ${nth}th by ${other.by} (or ${said})`;
}
