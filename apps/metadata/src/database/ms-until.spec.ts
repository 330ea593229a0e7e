import { type Metadata, openMetadata } from '../metadata.testing';
import { msUntil } from './ms-until';

describe('the time until work is due', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());

  it.each([
    ['null::timestamptz', null],
    ['least(null::timestamptz, null)', null],
    [`now() - interval '1 hour'`, 0],
    [`clock_timestamp() + interval '1 hour'`, expect.closeTo(3_600_000, -3)],
  ])('of %s', async (time, ms) => {
    expect(await metadata.database.read(`SELECT ${msUntil(time)} AS ms`)).toEqual([{ ms }]);
  });

  it('is never, where there is no work: nobody looks again and again', async () => {
    expect(await metadata.fills.nextInMs()).toBeNull();
    expect(await metadata.reviews.reviewDue(10)).toMatchObject({ nextInMs: null });
    expect(await metadata.purges.claim(10)).toEqual({ objects: [], nextInMs: null });
  });
});
