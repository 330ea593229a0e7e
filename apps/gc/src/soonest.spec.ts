import { soonest } from './soonest';

describe('the soonest of some waits', () => {
  it('is the shortest that is known', () => {
    expect(soonest(500, null, 20, 90)).toBe(20);
    expect(soonest(0, 5)).toBe(0);
  });

  it('is none where none is known', () => {
    expect(soonest(null, null)).toBeNull();
    expect(soonest()).toBeNull();
  });
});
