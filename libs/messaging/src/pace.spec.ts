import { Pace } from './pace';

describe('the pace of cleanup', () => {
  let now = 0;
  const pace = () => new Pace(100, () => now);

  it('waits as long as what was done takes at that pace', () => {
    const one = pace();
    expect(one.waitMs).toBe(0);
    one.did(50);
    expect(one.waitMs).toBe(500);
    now += 200;
    expect(one.waitMs).toBe(300);
    one.did(10);
    expect(one.waitMs).toBe(400);
  });

  it('time in which nothing was done is not made up for', () => {
    const one = pace();
    now += 60_000;
    one.did(100);
    expect(one.waitMs).toBe(1000);
  });

  it('ends at once when it is told to', async () => {
    const one = new Pace(1);
    one.did(3600);
    const ends = new AbortController();
    const waited = one.wait(ends.signal);
    ends.abort();
    await waited;
  });
});
