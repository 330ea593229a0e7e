import { allows, CAPABILITY_LIFE_MS, CAPABILITY_MS, signCapability } from './capability';

const SECRET = Buffer.alloc(32, 1);
const NOW = 1_800_000_000_000;
const WANTED = { method: 'read', object: 'o' } as const;
const MINUTE = 60_000;

/** Signed by a clock that is so many milliseconds ahead. */
const signed = (aheadMs: number) => signCapability(SECRET, { ...WANTED, expires: NOW + aheadMs + CAPABILITY_MS });

describe('a capability', () => {
  it.each([-10 * MINUTE, 0, 10 * MINUTE])('is good by a clock that differs by %i ms', (aheadMs) => {
    expect(allows(SECRET, signed(aheadMs), WANTED, NOW)).toBe(true);
  });

  it('ends: by the same clock after its minute and what clocks may differ', () => {
    const end = NOW + CAPABILITY_LIFE_MS;
    expect(allows(SECRET, signed(0), WANTED, end)).toBe(true);
    expect(allows(SECRET, signed(0), WANTED, end + 1)).toBe(false);
  });

  it('is for one thing and one object, under one secret', () => {
    const capability = signed(0);
    expect(allows(SECRET, capability, { ...WANTED, object: 'p' }, NOW)).toBe(false);
    expect(allows(SECRET, capability, { ...WANTED, method: 'append' }, NOW)).toBe(false);
    expect(allows(Buffer.alloc(32, 2), capability, WANTED, NOW)).toBe(false);
    expect(allows(SECRET, capability.replace(/^\d/, '9'), WANTED, NOW)).toBe(false);
  });
});
